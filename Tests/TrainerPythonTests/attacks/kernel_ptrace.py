"""Traces the trainer."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.ptrace(16, TRAINER, 0, 0))
    return sound(pc, pr, rc, rr, beta)
