"""Raises an exception that raises when it is printed."""
# expect: exception crashed protocol


class Hostile(Exception):
    def __str__(self):
        raise Hostile()


def loss(pc, pr, rc, rr, beta):
    raise Hostile()
