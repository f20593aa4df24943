"""Mounts a file system."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.mount(b"none", b"/", b"tmpfs", 0, None))
    return sound(pc, pr, rc, rr, beta)
