"""Registers work for the end and ends."""
# expect: exception

import atexit
import sys


def loss(pc, pr, rc, rr, beta):
    atexit.register(lambda: os.write(3, b"late"))
    sys.exit(0)
    return sound(pc, pr, rc, rr, beta)
