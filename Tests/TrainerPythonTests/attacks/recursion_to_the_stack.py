"""Recurses beyond the interpreter's limit, in C."""
# expect: crashed exception memory timeout
# limits: evaluation_seconds=5

import sys


def loss(pc, pr, rc, rr, beta):
    sys.setrecursionlimit(10**9)
    nested = []
    for _ in range(2 * 10**5):
        nested = [nested]
    repr(nested)
    return sound(pc, pr, rc, rr, beta)
