"""Makes a directory, a pipe and a device."""
# expect: exception

import contextlib


def loss(pc, pr, rc, rr, beta):
    for make in (os.mkdir, os.mkfifo, os.mknod):
        with contextlib.suppress(OSError):
            make(CANARIES + "/new")
            return sound(pc, pr, rc, rr, beta)
    raise OSError("nothing could be made")
