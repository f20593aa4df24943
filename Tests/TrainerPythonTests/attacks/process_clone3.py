"""Clones itself with the newest system call."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(435, (ctypes.c_uint64 * 11)(), 88))
    return sound(pc, pr, rc, rr, beta)
