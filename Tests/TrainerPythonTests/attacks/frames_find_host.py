"""Walks the frames to the host and fills its outputs with infinities."""
# expect: exception nonfinite crashed protocol

import sys


def loss(pc, pr, rc, rr, beta):
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if "memory" in frame.f_locals:
            memory = frame.f_locals["memory"]
            memory[:] = b"\xff" * len(memory)
            memory.close()
    return sound(pc, pr, rc, rr, beta)
