"""Takes every capability."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(126, (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(*[0xFFFFFFFF] * 6)))
    return sound(pc, pr, rc, rr, beta)
