# ---
# name: bco_pair
# title: Binary Classifier Optimization on pairs
# origin: baseline
# reference: arXiv:2404.04656, section 4, BCO loss with reward shift
# beta: 0.05
# parents: []
# notes: reward shift is the batch mean, not a running mean
# ---
"""A binary classifier on the two rewards: -log sigmoid(r_chosen - delta) - log sigmoid(-(r_rejected - delta)).

The paper's delta is a running mean of both rewards over training. A pure function keeps nothing between calls, so
delta is this batch's mean, without gradient as in the paper; the loss is therefore batch-coupled.
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
    delta = ((chosen_rewards.mean() + rejected_rewards.mean()) / 2).detach()
    return -F.logsigmoid(chosen_rewards - delta) - F.logsigmoid(delta - rejected_rewards)
