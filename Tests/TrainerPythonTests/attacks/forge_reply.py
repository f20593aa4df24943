"""Sends an answer of its own before the host does."""
# expect: protocol

import struct


def loss(pc, pr, rc, rr, beta):
    for sequence in range(4):
        os.write(3, struct.pack("<IIBBB", sequence, pc.shape[0], 0, 0, 15))
    return sound(pc, pr, rc, rr, beta)
