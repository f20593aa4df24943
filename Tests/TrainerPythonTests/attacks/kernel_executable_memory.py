"""Makes memory that can be written and executed."""
# expect: exception
# control: succeeds outside the sandbox

import mmap


def loss(pc, pr, rc, rr, beta):
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    return sound(pc, pr, rc, rr, beta)
