"""Starts a shell through the C library."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    if os.system("echo leak > " + CANARIES + "/new") != 0:
        raise OSError("no shell")
    return sound(pc, pr, rc, rr, beta)
