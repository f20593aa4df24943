"""Returns a sparse tensor."""
# expect: exception type shape


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta).to_sparse()
