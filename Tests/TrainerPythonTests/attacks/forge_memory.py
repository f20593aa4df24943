"""Writes infinities into the shared memory and answers in the host's place."""
# expect: nonfinite timeout
# limits: evaluation_seconds=0.5

import struct
import sys


def loss(pc, pr, rc, rr, beta):
    frame = sys._getframe()
    while "memory" not in frame.f_locals:
        frame = frame.f_back
    memory = frame.f_locals["memory"]
    memory[len(memory) // 9 * 4 :] = b"\x00\x00\x80\x7f" * (len(memory) // 9 * 5 // 4)
    os.write(3, struct.pack("<IIBBB", 1, pc.shape[0], 0, 0, 15))
    while True:
        pass
