"""Reads the trainer's memory."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    here = ctypes.create_string_buffer(64)
    part = (ctypes.c_uint64 * 2)(ctypes.addressof(here), 64)
    check(libc.process_vm_readv(TRAINER, part, 1, part, 1, 0))
    return sound(pc, pr, rc, rr, beta)
