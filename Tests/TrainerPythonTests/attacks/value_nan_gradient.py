"""Returns finite values whose derivatives are NaN."""
# expect: nonfinite


def loss(pc, pr, rc, rr, beta):
    return torch.sqrt((pc - pc.detach()).abs()) + sound(pc, pr, rc, rr, beta)
