"""Clones itself with the oldest system calls."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    if libc.syscall(57) < 0 and libc.syscall(58) < 0:
        raise OSError("no child")
    return sound(pc, pr, rc, rr, beta)
