"""Leaves with the exit code by which a sandbox that could not be built is known."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    os._exit(125)
    return sound(pc, pr, rc, rr, beta)
