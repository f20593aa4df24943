"""Matches a regular expression that backtracks without end."""
# expect: timeout
# limits: evaluation_seconds=0.4

import re


def loss(pc, pr, rc, rr, beta):
    re.match("(a*)*b", "a" * 40)
    return sound(pc, pr, rc, rr, beta)
