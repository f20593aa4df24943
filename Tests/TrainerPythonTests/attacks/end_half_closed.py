"""Closes the socket and stays."""
# expect: protocol


def loss(pc, pr, rc, rr, beta):
    os.close(3)
    while True:
        pass
