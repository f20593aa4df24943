"""Returns more values than pairs."""
# expect: shape


def loss(pc, pr, rc, rr, beta):
    return torch.cat([sound(pc, pr, rc, rr, beta)] * 2)
