"""Sets a file's times from C, which Landlock alone lets through."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.utimes(SECRET.encode(), None))
    return sound(pc, pr, rc, rr, beta)
