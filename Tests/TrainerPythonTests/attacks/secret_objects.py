"""Searches every Python object for a secret."""
# expect: exception

import gc


def loss(pc, pr, rc, rr, beta):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and any(isinstance(key, str) and "SECRET" in key for key in list(thing)):
            if thing is not globals():
                return sound(pc, pr, rc, rr, beta)
    raise LookupError("no secret among the objects")
