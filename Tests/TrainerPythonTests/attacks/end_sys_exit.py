"""Asks Python to end."""
# expect: exception

import sys


def loss(pc, pr, rc, rr, beta):
    sys.exit(0)
    return sound(pc, pr, rc, rr, beta)
