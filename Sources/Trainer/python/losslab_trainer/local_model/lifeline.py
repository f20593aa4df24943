"""A helper process that ends with the process that started it, however that ends."""

import os
import select
import signal
import sys
import threading

MOST_DESCRIPTORS = 256


def end_with_parent() -> None:
    """End this process and its group when the one that started it ends, whatever either is doing.

    A process of its own waits for that: a thread would need Python's lock, which a library holds while it loads
    a model. To be called before there are threads.
    """
    starter, ours = int(os.environ.get("LOSSLAB_PARENT", os.getppid())), os.getpid()
    if os.getppid() != starter:
        end_group()  # It has ended already.
    if not hasattr(os, "pidfd_open") or os.fork() != 0:
        return
    try:
        _watch(starter, ours)
    finally:
        os._exit(0)


def _watch(starter: int, ours: int) -> None:
    os.closerange(0, MOST_DESCRIPTORS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waiting = select.poll()
    try:
        theirs = os.pidfd_open(starter)
    except ProcessLookupError:
        theirs = -1
    if theirs >= 0:
        for descriptor in (theirs, os.pidfd_open(ours)):
            waiting.register(descriptor, select.POLLIN)
        if theirs not in [descriptor for descriptor, _ in waiting.poll()]:
            return
    # A group of its own, or the user's shell's.
    os.kill(-ours if os.getpgid(ours) == ours else ours, signal.SIGKILL)


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
