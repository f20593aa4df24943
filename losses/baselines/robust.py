# ---
# name: robust
# title: Robust DPO
# origin: baseline
# reference: arXiv:2403.00409, section 3, the unbiased loss of rDPO
# beta: 0.05
# parents: [dpo]
# ---
"""DPO made unbiased under labels flipped with probability EPSILON.

(-(1 - eps) log sigmoid(beta * rho) + eps log sigmoid(-beta * rho)) / (1 - 2 eps). It has no lower bound:
for large margins it goes on falling, with slope -eps * beta / (1 - 2 eps).
"""

import torch.nn.functional as F
from torch import Tensor

EPSILON = 0.1  # share of labels believed to be flipped; below 0.5


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    logits = beta * rho
    return (-(1 - EPSILON) * F.logsigmoid(logits) + EPSILON * F.logsigmoid(-logits)) / (1 - 2 * EPSILON)
