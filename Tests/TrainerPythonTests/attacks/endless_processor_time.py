"""Uses up its processor time while each answer is in time."""
# expect: timeout
# evaluations: 20
# limits: cpu_seconds=1

import time


def loss(pc, pr, rc, rr, beta):
    until = time.process_time() + 0.3
    while time.process_time() < until:
        pass
    return sound(pc, pr, rc, rr, beta)
