"""Unmounts its empty root to see what is below."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.umount2(b"/", 2))
    return sound(pc, pr, rc, rr, beta)
