"""Sends an answer longer than any answer."""
# expect: protocol


def loss(pc, pr, rc, rr, beta):
    os.write(3, b"x" * 60000)
    return sound(pc, pr, rc, rr, beta)
