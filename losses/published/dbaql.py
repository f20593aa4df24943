# ---
# name: dbaql
# title: Dynamic Blended Adaptive Quantile Loss
# origin: published
# reference: arXiv:2406.08414, Appendix E, DBAQL
# beta: 0.05
# parents: [dpo, exponential]
# form: corrected
# ---
"""Blend of DPO and exponential loss by the spread of the batch's margins.

s * f_dpo(beta * rho / 0.9) + (1 - s) * f_exp(0.9 * beta * rho), s = sigmoid(Var[beta * rho / TAU]). The discovered
code also computes an adaptive quantile and never uses it; it is left out. Batch-coupled. A batch of one has no
variance: it counts as zero here, where the discovered form gives NaN.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

TAU = 0.05  # beta during the discovery: beta / TAU = 1 there
TEMPERATURE = 0.9


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    logits = beta * rho
    variance = (logits / TAU).var() if logits.numel() > 1 else torch.zeros_like(logits).sum()
    blend = torch.sigmoid(variance)
    return blend * -F.logsigmoid(logits / TEMPERATURE) + (1 - blend) * torch.exp(-logits * TEMPERATURE)
