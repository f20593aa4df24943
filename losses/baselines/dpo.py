# ---
# name: dpo
# title: Direct Preference Optimization
# origin: baseline
# reference: arXiv:2305.18290, eq. 7
# beta: 0.05
# parents: []
# ---
"""Logistic loss on the margin: -log sigmoid(beta * rho)."""

import torch.nn.functional as F
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(beta * rho)
