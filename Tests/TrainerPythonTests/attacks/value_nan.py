"""Returns NaN."""
# expect: nonfinite


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta) * float("nan")
