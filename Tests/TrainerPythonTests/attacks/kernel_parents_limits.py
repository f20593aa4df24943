"""Takes the trainer's memory away by lowering its limits."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.prlimit(TRAINER, 9, (ctypes.c_uint64 * 2)(1 << 20, 1 << 20), None))
    return sound(pc, pr, rc, rr, beta)
