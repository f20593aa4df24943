"""Changes a file's mode from C, which Landlock alone lets through."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.chmod(SECRET.encode(), 0o700))
    return sound(pc, pr, rc, rr, beta)
