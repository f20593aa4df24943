"""Becomes root."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(105, 0))
    check(libc.syscall(117, 0, 0, 0))
    return sound(pc, pr, rc, rr, beta)
