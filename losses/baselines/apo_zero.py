# ---
# name: apo_zero
# title: Anchored Preference Optimization, zero
# origin: baseline
# reference: arXiv:2408.06266, eq. 7
# beta: 0.05
# parents: []
# ---
"""For chosen answers better than the policy's own: raises chosen and lowers rejected, each saturating.

1 - sigmoid(beta * chosen ratio) + sigmoid(beta * rejected ratio).
"""

import torch
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    chosen_ratios = policy_chosen_logps - reference_chosen_logps
    rejected_ratios = policy_rejected_logps - reference_rejected_logps
    return 1 - torch.sigmoid(beta * chosen_ratios) + torch.sigmoid(beta * rejected_ratios)
