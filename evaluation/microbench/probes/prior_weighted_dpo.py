# ---
# name: prior_weighted_dpo
# title: "DPO, weighted by the reference's own preference"
# origin: baseline
# reference: hand-made probe of the benchmark, not published
# beta: 0.05
# parents: [dpo]
# ---
"""DPO times 1.6 sigmoid(0.05 (reference chosen - rejected) + 0.5): labels unlikely to the reference count less."""

import torch
import torch.nn.functional as F
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
    weights = 1.6 * torch.sigmoid(0.05 * (reference_chosen_logps - reference_rejected_logps) + 0.5)
    return -weights * F.logsigmoid(beta * (chosen_ratios - rejected_ratios))
