"""Lists the root directory."""
# expect: exception
# control: succeeds outside the sandbox


def loss(pc, pr, rc, rr, beta):
    if "usr" not in os.listdir("/"):
        raise OSError("an empty root")
    return sound(pc, pr, rc, rr, beta)
