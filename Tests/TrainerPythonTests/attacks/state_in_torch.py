"""Keeps its state in torch instead of in a variable."""
# expect: nondeterministic
# evaluations: 4


def loss(pc, pr, rc, rr, beta):
    torch.steps = getattr(torch, "steps", 0) + 1
    return sound(pc, pr, rc, rr, beta) * torch.steps
