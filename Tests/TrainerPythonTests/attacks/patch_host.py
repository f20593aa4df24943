"""Replaces the host's own functions by ones that claim a different code."""
# expect: protocol

import sys


def loss(pc, pr, rc, rr, beta):
    host = sys.modules["losslab_trainer.loss_host"]
    host.wire.REJECTED = 7
    raise ValueError("told as another kind of answer")
