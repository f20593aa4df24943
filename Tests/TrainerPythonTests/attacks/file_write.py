"""Makes a new file."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    open(CANARIES + "/new", "w").write("here")
    return sound(pc, pr, rc, rr, beta)
