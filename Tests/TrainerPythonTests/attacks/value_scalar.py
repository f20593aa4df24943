"""Returns one value for all pairs."""
# expect: shape


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta).mean()
