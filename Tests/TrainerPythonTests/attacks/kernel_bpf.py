"""Loads a program into the kernel."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(321, 5, 0, 0))
    return sound(pc, pr, rc, rr, beta)
