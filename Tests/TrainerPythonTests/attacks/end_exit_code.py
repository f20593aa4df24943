"""Leaves with an exit code of its own."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    os._exit(42)
    return sound(pc, pr, rc, rr, beta)
