"""Restarts the machine, with arguments that the kernel would refuse anyway."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.syscall(169, 0, 0, 0, 0))
    return sound(pc, pr, rc, rr, beta)
