"""Never returns, in Python."""
# expect: timeout
# limits: evaluation_seconds=0.4


def loss(pc, pr, rc, rr, beta):
    while True:
        pass
