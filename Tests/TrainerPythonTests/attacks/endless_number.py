"""Computes a number too large to finish, inside the interpreter's C code."""
# expect: timeout memory
# limits: evaluation_seconds=0.4


def loss(pc, pr, rc, rr, beta):
    pow(7, 10**9)
    return sound(pc, pr, rc, rr, beta)
