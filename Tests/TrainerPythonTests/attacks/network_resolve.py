"""Looks a name up, which would tell a name server about it."""
# expect: exception

import socket


def loss(pc, pr, rc, rr, beta):
    socket.getaddrinfo("secret.invalid", 80)
    return sound(pc, pr, rc, rr, beta)
