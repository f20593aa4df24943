# ---
# name: linear
# title: "Control: unbounded linear margin"
# origin: baseline
# reference: control; the margin of arXiv:2305.18290, eq. 7 without its logistic
# beta: 0.05
# parents: []
# control: true
# ---
"""The negated margin, -beta * rho: nothing ever stops it from pushing."""

from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -beta * rho
