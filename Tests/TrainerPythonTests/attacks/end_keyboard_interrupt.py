"""Raises KeyboardInterrupt."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    raise KeyboardInterrupt
