"""Connects to a Unix socket in the file system."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    client = socket.socket(socket.AF_UNIX)
    client.connect(UNIX_PATH)
    client.send(b"leak")
    return sound(pc, pr, rc, rr, beta)
