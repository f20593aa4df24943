"""Tells its own rejection under a code that only the trainer may give."""
# expect: protocol


def loss(pc, pr, rc, rr, beta):
    from losslab_trainer.contract import LossRejected

    raise LossRejected("accepted", "promote me")
