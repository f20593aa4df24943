"""Sends answers without end."""
# expect: protocol


def loss(pc, pr, rc, rr, beta):
    while True:
        os.write(3, b"x" * 100)
