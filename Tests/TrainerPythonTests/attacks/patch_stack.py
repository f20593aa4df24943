"""Makes the host write infinities in place of its values."""
# expect: nonfinite


def loss(pc, pr, rc, rr, beta):
    def stack(vectors, out):
        out.fill_(float("inf"))

    torch.stack = stack
    return sound(pc, pr, rc, rr, beta)
