# ---
# name: exo_pair
# title: Efficient Exact Optimization on pairs
# origin: baseline
# reference: arXiv:2402.00856, eq. 16 (K = 2)
# beta: 0.05
# parents: []
# ---
"""Reverse KL from the policy's preference to the label's: sum over both answers of q * (log q - log p).

q = sigmoid(+-beta * rho) is the policy's preference, p = (1 - EPSILON, EPSILON) the label's.
"""

import math

import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-3  # label smoothing; 0 would make the divergence infinite


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    log_q_chosen = F.logsigmoid(beta * rho)
    log_q_rejected = F.logsigmoid(-beta * rho)
    chosen_part = log_q_chosen.exp() * (log_q_chosen - math.log1p(-EPSILON))
    rejected_part = log_q_rejected.exp() * (log_q_rejected - math.log(EPSILON))
    return chosen_part + rejected_part
