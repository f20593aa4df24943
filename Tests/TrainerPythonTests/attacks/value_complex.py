"""Returns complex numbers."""
# expect: dtype


def loss(pc, pr, rc, rr, beta):
    return torch.complex(sound(pc, pr, rc, rr, beta), pc)
