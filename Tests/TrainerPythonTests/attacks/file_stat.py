"""Asks for the size of a file without opening it."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    os.stat(SECRET)
    return sound(pc, pr, rc, rr, beta)
