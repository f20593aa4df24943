"""Overwrites its own stack."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    ctypes.memset(ctypes.addressof(ctypes.c_char()) - 100, 65, 1 << 24)
    return sound(pc, pr, rc, rr, beta)
