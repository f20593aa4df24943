"""Signals its process group and its session."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    os.kill(0, 9)
    return sound(pc, pr, rc, rr, beta)
