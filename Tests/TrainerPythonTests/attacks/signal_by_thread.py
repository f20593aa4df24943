"""Signals the trainer with the system calls for threads and queues."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    information = (ctypes.c_int * 32)()
    attempts = [
        (200, TRAINER, 9),  # tkill
        (234, TRAINER, TRAINER, 9),  # tgkill
        (129, TRAINER, 9, ctypes.byref(information)),  # rt_sigqueueinfo
    ]
    for attempt in attempts:
        if libc.syscall(*attempt) == 0:
            return sound(pc, pr, rc, rr, beta)
    raise OSError("nobody could be signalled")
