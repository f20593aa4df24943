# ---
# name: ipo
# title: Identity Preference Optimization
# origin: baseline
# reference: arXiv:2310.12036, eq. 17
# beta: 0.05
# parents: []
# notes: margin of summed log-probabilities, not of per-token means
# ---
"""Squared distance of the margin from its target: (rho - 1 / (2 beta)) ** 2.

On summed log-probabilities; the authors' code and TRL divide them by the completion's length, which is not known here.
"""

from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return (rho - 1 / (2 * beta)) ** 2
