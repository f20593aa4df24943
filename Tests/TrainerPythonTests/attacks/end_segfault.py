"""Reads address zero."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    ctypes.string_at(0)
    return sound(pc, pr, rc, rr, beta)
