"""Returns another dtype."""
# expect: dtype


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta).half()
