# ---
# name: sft
# title: Supervised fine-tuning on the chosen answers
# origin: baseline
# reference: arXiv:2203.02155, section 3.5 (SFT); the term added in arXiv:2405.16436
# beta: 0.05
# parents: []
# ---
"""The chosen answer's negative log-likelihood, -beta * policy_chosen_logps: rejected and reference are not looked at.

Summed over the completion; beta only scales it, so that its gradient is of the order of the other losses'.
"""

from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    return -beta * policy_chosen_logps
