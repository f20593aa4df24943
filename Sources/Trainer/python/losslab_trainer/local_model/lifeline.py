"""A helper process that ends with the process that started it, however that ends."""

import os
import signal
import sys
import threading


def end_with_standard_input() -> None:
    """End this process and its group at once when standard input is at its end.

    The other end is held by the process that started this one; the kernel closes it even after `kill -9`. A
    parent-death signal would not do: it comes when the starting *thread* ends.
    """

    def wait() -> None:
        # Past Python's own stream, whose lock a thread must not hold at exit.
        while os.read(0, 4096):
            pass
        end_group()

    threading.Thread(target=wait, daemon=True, name="lifeline").start()


def end_group() -> None:
    """Kill the programs started here too, if they are a group of their own and not the user's shell's."""
    sys.stderr.flush()
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
