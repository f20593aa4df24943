"""Stops itself, so that it never answers."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    os.kill(os.getpid(), 19)
    return sound(pc, pr, rc, rr, beta)
