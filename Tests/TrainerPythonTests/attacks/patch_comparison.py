"""Makes every comparison of tensors true."""
# expect: nonfinite


def loss(pc, pr, rc, rr, beta):
    torch.Tensor.__gt__ = torch.Tensor.__lt__ = torch.Tensor.__eq__ = lambda *_: True
    return sound(pc, pr, rc, rr, beta) * float("nan")
