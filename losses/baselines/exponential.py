# ---
# name: exponential
# title: Exponential loss (GPO)
# origin: baseline
# reference: arXiv:2402.05749, Table 1
# beta: 0.05
# parents: []
# ---
"""Exponential loss on the margin: exp(-beta * rho). Its gradient grows without bound on badly ordered pairs."""

import torch
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return torch.exp(-beta * rho)
