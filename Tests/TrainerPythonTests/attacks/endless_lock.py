"""Waits for a lock that nobody will open."""
# expect: timeout
# limits: evaluation_seconds=0.4

import threading


def loss(pc, pr, rc, rr, beta):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
    return sound(pc, pr, rc, rr, beta)
