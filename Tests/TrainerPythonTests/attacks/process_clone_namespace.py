"""Clones itself into new namespaces with the bare system call."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(56, 0x10000000 | 0x20000000 | 17, 0, 0, 0, 0))
    return sound(pc, pr, rc, rr, beta)
