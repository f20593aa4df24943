"""Sets a timer that interrupts whatever runs later."""
# expect: exception

import signal


def loss(pc, pr, rc, rr, beta):
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    return sound(pc, pr, rc, rr, beta)
