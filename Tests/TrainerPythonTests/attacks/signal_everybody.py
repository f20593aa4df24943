"""Signals every process it may."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    os.kill(-1, 9)
    return sound(pc, pr, rc, rr, beta)
