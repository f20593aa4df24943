# ---
# name: aqfl
# title: Adaptive Quantile Feedback Loss
# origin: published
# reference: arXiv:2406.08414, Appendix E, AQFL
# beta: 0.05
# parents: [dpo, slic]
# form: corrected
# ---
"""Blend of DPO and hinge by each margin's distance from a quantile built from the batch's spread.

r * f_dpo(beta * rho) + (1 - r) * f_slic(beta * rho), r = sigmoid(0.1 * |x - m2|), x = beta * rho / TAU,
m1 = std(x) * E[sigmoid(-x)], m2 = m1 + 0.05 * (sigmoid(E[x]) - m1). Batch-coupled. A batch of one has no spread: it
counts as zero here, where the discovered form gives NaN.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

TAU = 0.05  # beta during the discovery: beta / TAU = 1 there


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    logits = beta * rho
    scaled = logits / TAU
    spread = scaled.std() if scaled.numel() > 1 else torch.zeros_like(scaled).sum()
    first = spread * torch.sigmoid(-scaled).mean()
    quantile = first + 0.05 * (torch.sigmoid(scaled.mean()) - first)
    weight = torch.sigmoid(0.1 * (scaled - quantile).abs())
    return weight * -F.logsigmoid(logits) + (1 - weight) * torch.relu(1 - logits)
