"""Never ends being loaded."""
# expect: timeout
# limits: evaluation_seconds=0.4

while True:
    pass


def loss(pc, pr, rc, rr, beta):
    return sound(pc, pr, rc, rr, beta)
