"""Allocates a tebibyte at once."""
# expect: memory


def loss(pc, pr, rc, rr, beta):
    torch.empty(1 << 40)
    return sound(pc, pr, rc, rr, beta)
