"""Finds the shared memory and shrinks it below the trainer's feet."""
# expect: exception

import gc
import sys


def loss(pc, pr, rc, rr, beta):
    for thing in gc.get_objects():
        if type(thing).__name__ == "mmap":
            thing.resize(4096)
    import mmap

    frame = sys._getframe(2)
    while "memory" not in frame.f_locals:
        frame = frame.f_back
    frame.f_locals["memory"].resize(4096)
    return sound(pc, pr, rc, rr, beta)
