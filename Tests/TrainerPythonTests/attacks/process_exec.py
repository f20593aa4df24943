"""Becomes a shell."""
# expect: crashed


def loss(pc, pr, rc, rr, beta):
    os.execv("/bin/sh", ["sh", "-c", "echo leak > " + CANARIES + "/new"])
    return sound(pc, pr, rc, rr, beta)
