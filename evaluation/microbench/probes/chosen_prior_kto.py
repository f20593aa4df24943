# ---
# name: chosen_prior_kto
# title: "KTO-like, weighted by how likely the chosen answer was"
# origin: baseline
# reference: hand-made probe of the benchmark, not published
# beta: 0.05
# parents: [kto_pair]
# ---
"""sigmoid(0.02 (reference chosen + 250)) * (1 - sigmoid(beta c) + sigmoid(beta r)): improbable chosen count less."""

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
    weights = torch.sigmoid(0.02 * (reference_chosen_logps + 250))
    return weights * (1 - torch.sigmoid(beta * chosen_ratios) + torch.sigmoid(beta * rejected_ratios))
