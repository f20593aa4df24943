"""Makes a pair of sockets to talk to itself, as asyncio does."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    socket.socketpair()
    return sound(pc, pr, rc, rr, beta)
