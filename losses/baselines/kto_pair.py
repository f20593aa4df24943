# ---
# name: kto_pair
# title: KTO on pairs
# origin: baseline
# reference: "arXiv:2402.01306, eq. 7; paired form of arXiv:2406.08414's seed archive"
# beta: 0.05
# parents: []
# notes: "2B values folded into B: (chosen + rejected) / 2; batch-coupled through the KL estimates"
# ---
"""Paired Kahneman-Tversky loss, folded: the mean of the chosen and the rejected answer's loss.

chosen:   1 - sigmoid(beta * (chosen ratio - KL of rejected))
rejected: 1 - sigmoid(beta * (KL of chosen - rejected ratio))
with each KL the batch mean of the other half's log-ratios, not below 0. The published form concatenates the two into
2B values; (chosen + rejected) / 2 has the same mean and so the same gradient. As published for pairs, the KL estimates
carry gradient (the paper itself stops it), so the loss is batch-coupled in its gradients as well as in its values.
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
    chosen_kl = chosen_ratios.mean().clamp(min=0)
    rejected_kl = rejected_ratios.mean().clamp(min=0)
    chosen_losses = 1 - torch.sigmoid(beta * (chosen_ratios - rejected_kl))
    rejected_losses = 1 - torch.sigmoid(beta * (chosen_kl - rejected_ratios))
    return (chosen_losses + rejected_losses) / 2
