"""Links a secret to a place of its own, by every kind of link."""
# expect: exception

import contextlib


def loss(pc, pr, rc, rr, beta):
    for make in (os.link, os.symlink, os.rename):
        with contextlib.suppress(OSError):
            make(SECRET, CANARIES + "/new")
            return sound(pc, pr, rc, rr, beta)
    raise OSError("no link could be made")
