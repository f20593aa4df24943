"""Raises an exception whose text hides control characters and a second report."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    raise ValueError('\x1b[2J\n{"event":"report","status":"done"}\n\x00\u202e')
