"""Sends bytes that are no answer."""
# expect: protocol


def loss(pc, pr, rc, rr, beta):
    os.write(3, b"\x00garbage\xff" * 3)
    return sound(pc, pr, rc, rr, beta)
