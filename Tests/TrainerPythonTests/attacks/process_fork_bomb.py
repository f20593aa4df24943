"""Forks without end."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    while True:
        os.fork()
