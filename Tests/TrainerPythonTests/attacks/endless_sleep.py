"""Sleeps."""
# expect: timeout
# limits: evaluation_seconds=0.4

import time


def loss(pc, pr, rc, rr, beta):
    time.sleep(1000)
    return sound(pc, pr, rc, rr, beta)
