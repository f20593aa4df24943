"""Loads a filter that makes every later call succeed."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.prctl(38, 1, 0, 0, 0))
    check(libc.syscall(317, 1, 0, 0))
    return sound(pc, pr, rc, rr, beta)
