"""Makes a user namespace to become root in it."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.unshare(0x10000000))
    return sound(pc, pr, rc, rr, beta)
