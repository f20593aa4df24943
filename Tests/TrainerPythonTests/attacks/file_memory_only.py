"""Makes an anonymous file, to have something to execute."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    os.memfd_create("program")
    return sound(pc, pr, rc, rr, beta)
