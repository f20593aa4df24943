"""Takes a descriptor out of the trainer."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(438, check(libc.syscall(434, TRAINER, 0)), 5, 0))
    return sound(pc, pr, rc, rr, beta)
