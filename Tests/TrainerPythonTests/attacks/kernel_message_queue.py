"""Makes a message queue that outlives it."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.msgget(0x10551AB, 0o1666))
    return sound(pc, pr, rc, rr, beta)
