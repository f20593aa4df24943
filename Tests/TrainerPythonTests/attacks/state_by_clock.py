"""Changes with the time of day."""
# expect: nondeterministic
# evaluations: 4

import time


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta) + time.perf_counter() % 1
