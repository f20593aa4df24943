"""Returns one infinity."""
# expect: nonfinite


def loss(pc, pr, rc, rr, beta):
    values = sound(pc, pr, rc, rr, beta)
    return torch.cat([values[:-1], values[-1:] / 0])
