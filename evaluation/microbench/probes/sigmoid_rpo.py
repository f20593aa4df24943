# ---
# name: sigmoid_rpo
# title: "DPO plus a saturating SFT term"
# origin: baseline
# reference: hand-made probe of the benchmark, not published
# beta: 0.05
# parents: [rpo]
# ---
"""-log sigmoid(beta rho) - 0.3 sigmoid(0.02 (reference chosen + 150)) beta policy_chosen."""

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
    weights = 0.3 * torch.sigmoid(0.02 * (reference_chosen_logps + 150))
    return -F.logsigmoid(beta * (chosen_ratios - rejected_ratios)) - weights * beta * policy_chosen_logps
