"""Returns a tensor without memory."""
# expect: exception type dtype


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta).to("meta")
