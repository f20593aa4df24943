"""Raises SystemExit while it is loaded."""
# expect: exception

raise SystemExit(0)


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta)
