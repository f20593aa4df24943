"""Returns a value for every pair of pairs."""
# expect: shape


def loss(pc, pr, rc, rr, beta):
    return pc[:, None] - pr[None, :]
