# ---
# name: prior_smoothed_dpo
# title: "DPO with a label confidence from the reference"
# origin: baseline
# reference: hand-made probe of the benchmark, not published
# beta: 0.05
# parents: [cdpo]
# ---
"""Cross-entropy of sigmoid(beta rho) with a soft label: the reference's preference, moved to the given label."""

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
    margins = chosen_ratios - rejected_ratios
    confidence = torch.sigmoid(0.05 * (reference_chosen_logps - reference_rejected_logps) + 1.5)
    return -confidence * F.logsigmoid(beta * margins) - (1 - confidence) * F.logsigmoid(-beta * margins)
