"""Makes every number count as finite."""
# expect: nonfinite


def loss(pc, pr, rc, rr, beta):
    torch.isfinite = lambda x: torch.ones_like(x, dtype=torch.bool)
    return sound(pc, pr, rc, rr, beta) / 0
