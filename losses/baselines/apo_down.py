# ---
# name: apo_down
# title: Anchored Preference Optimization, down
# origin: baseline
# reference: arXiv:2408.06266, eq. 8
# beta: 0.05
# parents: []
# ---
"""For chosen answers worse than the policy's own: lowers both, the rejected one more.

sigmoid(beta * chosen ratio) + 1 - sigmoid(beta * (chosen ratio - rejected ratio)).
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
    return torch.sigmoid(beta * chosen_ratios) + 1 - torch.sigmoid(beta * (chosen_ratios - rejected_ratios))
