"""Returns a view beyond the end of its memory."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    return pc.detach().as_strided(pc.shape, (1 << 40,), 1 << 50)
