"""Raises an exception with a message of a hundred megabytes."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    raise ValueError("x" * 100_000_000)
