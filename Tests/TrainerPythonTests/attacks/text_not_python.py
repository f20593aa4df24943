"""Is not Python."""
# expect: syntax

def def def


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta)
