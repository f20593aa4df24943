"""Answers with a reason nested deeper than a parser can follow."""
# expect: protocol

import struct


def loss(pc, pr, rc, rr, beta):
    os.write(3, struct.pack("<IIBBB", 1, pc.shape[0], 0, 1, 0) + b"[" * 8000)
    os._exit(0)
