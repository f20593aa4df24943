"""Leaves with an exit code that says all is well."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    os._exit(0)
    return sound(pc, pr, rc, rr, beta)
