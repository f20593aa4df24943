"""Sends answers before any question, while it is loaded."""
# expect: protocol

import struct

for sequence in range(4):
    os.write(3, struct.pack("<IIBBB", sequence, 16, 0, 0, 15))


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta)
