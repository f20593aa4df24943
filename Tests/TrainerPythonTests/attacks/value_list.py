"""Returns a list of numbers."""
# expect: type


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta).tolist()
