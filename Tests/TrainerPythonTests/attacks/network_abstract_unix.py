"""Connects to a Unix socket without a path, which a file system sandbox does not cover."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    client = socket.socket(socket.AF_UNIX)
    client.connect("\0" + ABSTRACT_NAME)
    client.send(b"leak")
    return sound(pc, pr, rc, rr, beta)
