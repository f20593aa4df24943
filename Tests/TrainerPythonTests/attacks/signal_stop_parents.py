"""Stops the trainer, the zygote and a bystander for good."""
# expect: exception

import contextlib


def loss(pc, pr, rc, rr, beta):
    for process in (TRAINER, ZYGOTE, BYSTANDER):
        with contextlib.suppress(OSError):
            os.kill(process, 19)
            return sound(pc, pr, rc, rr, beta)
    raise OSError("nobody could be stopped")
