"""Writes without end to the standard descriptors."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    while True:
        os.write(2, b"x" * 10000)
