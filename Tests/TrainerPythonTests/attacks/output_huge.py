"""Prints without end."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    while True:
        print("x" * 10000)
