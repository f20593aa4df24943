"""Signals the trainer through a process descriptor."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(424, check(libc.syscall(434, TRAINER, 0)), 9, 0, 0))
    return sound(pc, pr, rc, rr, beta)
