# ---
# name: prior_weighted_kto
# title: "KTO-like, weighted by the reference's own preference"
# origin: baseline
# reference: hand-made probe of the benchmark, not published
# beta: 0.05
# parents: [kto_pair]
# ---
"""1.6 sigmoid(0.05 (reference chosen - rejected) + 0.5) * (1 - sigmoid(beta c) + sigmoid(beta r)).

c and r are the log-ratios of chosen and rejected. A pair whose label the reference finds unlikely counts less: the SFT
prior agrees with quality more often than a biased label does.
"""

import torch
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
    weights = 1.6 * torch.sigmoid(0.05 * (reference_chosen_logps - reference_rejected_logps) + 0.5)
    return weights * (1 - torch.sigmoid(beta * chosen_ratios) + torch.sigmoid(beta * rejected_ratios))
