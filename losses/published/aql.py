# ---
# name: aql
# title: Adaptive Quantile Loss
# origin: published
# reference: arXiv:2406.08414, Appendix E, AQL
# beta: 0.05
# parents: [dpo, slic]
# form: corrected
# ---
"""Blend of DPO and hinge by each margin's distance from a slowly moving quantile.

q * f_dpo(beta * rho) + (1 - q) * f_slic(beta * rho), q = sigmoid(-(x - m)), x = beta * rho / TAU,
m = 0.5 + 0.01 * (sigmoid(E[x]) - 0.5). Batch-coupled through m, very weakly.
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
    quantile = 0.5 + 0.01 * (torch.sigmoid(scaled.mean()) - 0.5)
    weight = torch.sigmoid(quantile - scaled)
    return weight * -F.logsigmoid(logits) + (1 - weight) * torch.relu(1 - logits)
