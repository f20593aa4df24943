"""Answers with a reason whose parts have other types."""
# expect: protocol

import struct


def loss(pc, pr, rc, rr, beta):
    reason = b'{"code": "shape", "message": ["a", "list"], "line": "1e999"}'
    os.write(3, struct.pack("<IIBBB", 1, pc.shape[0], 0, 1, 0) + reason)
    os._exit(0)
