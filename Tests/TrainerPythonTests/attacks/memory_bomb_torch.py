"""Allocates tensors without end."""
# expect: memory
# limits: extra_memory_bytes=134217728


def loss(pc, pr, rc, rr, beta):
    hoard = []
    while True:
        hoard.append(torch.ones(1 << 24))
