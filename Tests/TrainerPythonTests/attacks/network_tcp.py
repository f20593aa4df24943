"""Connects to a TCP server on this machine."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    socket.create_connection(("127.0.0.1", TCP_PORT), 1).send(b"leak")
    return sound(pc, pr, rc, rr, beta)
