"""Raises its own limits."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.setrlimit(9, (ctypes.c_uint64 * 2)(2**63, 2**63)))
    return sound(pc, pr, rc, rr, beta)
