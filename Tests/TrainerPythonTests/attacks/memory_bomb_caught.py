"""Allocates without end and swallows the error."""
# expect: timeout crashed memory
# limits: extra_memory_bytes=134217728 evaluation_seconds=1


def loss(pc, pr, rc, rr, beta):
    hoard = []
    while True:
        try:
            hoard.append(bytearray(1 << 20))
        except MemoryError:
            pass
