"""Waits for connections."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    socket.create_server(("127.0.0.1", 0))
    return sound(pc, pr, rc, rr, beta)
