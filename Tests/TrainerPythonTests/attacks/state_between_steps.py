"""Counts its steps and changes with them."""
# expect: nondeterministic
# evaluations: 4

STEPS = []


def loss(pc, pr, rc, rr, beta):
    STEPS.append(1)
    return sound(pc, pr, rc, rr, beta) * len(STEPS)
