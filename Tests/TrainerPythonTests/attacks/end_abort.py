"""Aborts."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    os.abort()
    return sound(pc, pr, rc, rr, beta)
