"""Takes all the processor time."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.setpriority(0, 0, -20))
    check(libc.sched_setaffinity(0, 8, (ctypes.c_uint64 * 1)(1)))
    return sound(pc, pr, rc, rr, beta)
