"""Allocates Python memory without end."""
# expect: memory
# limits: extra_memory_bytes=134217728


def loss(pc, pr, rc, rr, beta):
    hoard = []
    while True:
        hoard.append(bytearray(1 << 26))
