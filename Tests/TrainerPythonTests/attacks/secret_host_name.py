"""Reads what the machine is called."""
# expect: exception


def loss(pc, pr, rc, rr, beta):
    name = os.uname().nodename
    if libc.sethostname(b"mine", 4) == 0:
        return sound(pc, pr, rc, rr, beta)
    raise OSError("the host's name stays")
