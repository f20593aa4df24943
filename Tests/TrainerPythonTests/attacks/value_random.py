"""Draws its values by lot."""
# expect: nondeterministic


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta) * torch.rand_like(pc)
