# ---
# name: cdpo
# title: Conservative DPO (label smoothing)
# origin: baseline
# reference: Mitchell 2023, A note on DPO with noisy preferences (ericmitchell.ai/cdpo.pdf), the loss L^eps_DPO
# beta: 0.05
# parents: [dpo]
# ---
"""DPO against labels believed to be flipped with probability EPSILON.

-(1 - eps) log sigmoid(beta * rho) - eps log sigmoid(-beta * rho): convex, lowest where sigmoid(beta * rho) = 1 - eps.
"""

import torch.nn.functional as F
from torch import Tensor

EPSILON = 0.1  # share of labels believed to be flipped


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    logits = beta * rho
    return -(1 - EPSILON) * F.logsigmoid(logits) - EPSILON * F.logsigmoid(-logits)
