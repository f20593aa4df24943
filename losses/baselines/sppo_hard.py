# ---
# name: sppo_hard
# title: Self-Play Preference Optimization, hard labels
# origin: baseline
# reference: arXiv:2405.00675, eq. 4.7 with P = 1 for the winner and 0 for the loser
# beta: 0.05
# parents: []
# ---
"""Squared distance of each log-ratio from its own target: (c - 1 / (2 beta)) ** 2 + (r + 1 / (2 beta)) ** 2."""

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
    target = 0.5 / beta
    return (chosen_ratios - target) ** 2 + (rejected_ratios + target) ** 2
