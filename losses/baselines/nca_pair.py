# ---
# name: nca_pair
# title: Noise Contrastive Alignment on pairs
# origin: baseline
# reference: arXiv:2402.05369, pairwise NCA loss (K = 2)
# beta: 0.05
# parents: []
# ---
"""Pulls each answer's own reward, not only their difference.

-log sigmoid(r_chosen) - (log sigmoid(-r_chosen) + log sigmoid(-r_rejected)) / 2.
"""

import torch.nn.functional as F
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    chosen_rewards = beta * (policy_chosen_logps - reference_chosen_logps)
    rejected_rewards = beta * (policy_rejected_logps - reference_rejected_logps)
    return -F.logsigmoid(chosen_rewards) - 0.5 * (F.logsigmoid(-chosen_rewards) + F.logsigmoid(-rejected_rewards))
