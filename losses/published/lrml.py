# ---
# name: lrml
# title: Log Ratio Modulated Loss (DiscoPOP)
# origin: published
# reference: arXiv:2406.08414, eq. 5
# beta: 0.05
# parents: [dpo, exponential]
# form: corrected
# ---
"""Blend of DPO and exponential loss, modulated by the margin itself: (1 - m) * f_dpo(x) + m * f_exp(x).

x = beta * rho, m = sigmoid(x / TAU). Not convex: at beta = TAU it has a local minimum at rho = -2.3714 and a local
maximum at rho = 1.4401.
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
    modulation = torch.sigmoid(logits / TAU)
    return (1 - modulation) * -F.logsigmoid(logits) + modulation * torch.exp(-logits)
