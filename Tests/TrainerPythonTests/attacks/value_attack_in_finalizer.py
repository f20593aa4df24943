"""Attacks when it is cleaned up, then answers wrongly."""
# expect: type

import contextlib


def loss(pc, pr, rc, rr, beta):
    class Late:
        def __del__(self):
            with contextlib.suppress(OSError):
                open(CANARIES + "/new", "w").close()

    Late()
    return Late()
