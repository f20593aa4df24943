"""Makes itself immortal and dumpable."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.prctl(1, 0, 0, 0, 0))
    check(libc.prctl(4, 1, 0, 0, 0))
    return sound(pc, pr, rc, rr, beta)
