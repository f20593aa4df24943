"""Reads the trainer's environment and memory through /proc."""
# expect: exception
# control: succeeds outside the sandbox

import contextlib


def loss(pc, pr, rc, rr, beta):
    for process in ("self", "1", str(TRAINER), str(ZYGOTE)):
        for name in ("environ", "mem", "maps", "cmdline", "fd"):
            with contextlib.suppress(OSError):
                open(f"/proc/{process}/{name}", "rb").read(1)
                return sound(pc, pr, rc, rr, beta)
    raise OSError("there is no /proc")
