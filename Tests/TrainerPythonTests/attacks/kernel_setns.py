"""Joins the trainer's namespaces."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    check(libc.setns(3, 0))
    return sound(pc, pr, rc, rr, beta)
