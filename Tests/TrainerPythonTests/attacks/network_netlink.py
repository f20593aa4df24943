"""Opens a netlink socket, to reconfigure the network."""
# expect: exception
# control: succeeds outside the sandbox

import socket


def loss(pc, pr, rc, rr, beta):
    socket.socket(16, socket.SOCK_RAW, 0)
    return sound(pc, pr, rc, rr, beta)
