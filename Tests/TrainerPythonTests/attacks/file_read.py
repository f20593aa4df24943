"""Reads a file with a secret in it."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    open(SECRET).read()
    return sound(pc, pr, rc, rr, beta)
