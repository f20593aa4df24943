"""Sends a datagram to this machine."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"leak", ("127.0.0.1", UDP_PORT))
    return sound(pc, pr, rc, rr, beta)
