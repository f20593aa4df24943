"""Finds the shared memory and has the kernel drop its pages."""
# expect: exception

import sys


def loss(pc, pr, rc, rr, beta):
    frame = sys._getframe()
    while "memory" not in frame.f_locals:
        frame = frame.f_back
    memory = frame.f_locals["memory"]
    memory.madvise(9)  # MADV_REMOVE
    memory.madvise(4)  # MADV_DONTNEED
    raise OSError("the memory is empty now")
