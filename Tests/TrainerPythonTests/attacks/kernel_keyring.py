"""Reads the session's keys."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(250, 0, -3, 1))
    return sound(pc, pr, rc, rr, beta)
