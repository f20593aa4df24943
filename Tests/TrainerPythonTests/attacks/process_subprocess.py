"""Starts a program the usual way."""
# expect: exception
# control: succeeds outside the sandbox

import subprocess


def loss(pc, pr, rc, rr, beta):
    subprocess.run(["/bin/sh", "-c", "echo leak > " + CANARIES + "/new"], check=True)
    return sound(pc, pr, rc, rr, beta)
