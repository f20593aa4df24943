"""Counts what other processes do."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(298, (ctypes.c_uint32 * 32)(1, 128), TRAINER, -1, -1, 0))
    return sound(pc, pr, rc, rr, beta)
