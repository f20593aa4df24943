"""Opens files behind the filter's back through io_uring."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(425, 4, (ctypes.c_uint32 * 30)()))
    return sound(pc, pr, rc, rr, beta)
