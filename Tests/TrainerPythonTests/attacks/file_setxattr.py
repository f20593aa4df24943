"""Sets an extended attribute from C, which Landlock alone lets through."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.setxattr(SECRET.encode(), b"user.mark", b"1", 1, 0))
    return sound(pc, pr, rc, rr, beta)
