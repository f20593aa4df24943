"""Makes shared memory that outlives it, old style and new."""
# expect: exception

import _posixshmem


def loss(pc, pr, rc, rr, beta):
    if libc.shmget(0x10551AB, 4096, 0o1666) >= 0:
        return sound(pc, pr, rc, rr, beta)
    _posixshmem.shm_open(SHARED_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    return sound(pc, pr, rc, rr, beta)
