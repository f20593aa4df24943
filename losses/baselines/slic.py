# ---
# name: slic
# title: SLiC (hinge loss on the margin)
# origin: baseline
# reference: arXiv:2305.10425, rank calibration loss, on the margin of arXiv:2309.06657 (hinge-norm)
# beta: 0.05
# parents: []
# ---
"""Hinge loss on the margin: relu(1 - beta * rho)."""

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
    return torch.relu(1 - beta * rho)
