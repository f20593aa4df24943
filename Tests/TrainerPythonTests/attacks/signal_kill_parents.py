"""Kills the trainer, the zygote, its supervisor and a bystander."""
# expect: exception

import contextlib


def loss(pc, pr, rc, rr, beta):
    for number in (9, 15, 6):
        for process in (TRAINER, ZYGOTE, BYSTANDER, os.getppid()):
            with contextlib.suppress(OSError):
                os.kill(process, number)
                if process > 0:
                    return sound(pc, pr, rc, rr, beta)
    raise OSError("nobody could be killed")
