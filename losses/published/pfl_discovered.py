# ---
# name: pfl_discovered
# title: PFL as discovered
# origin: published
# reference: arXiv:2406.08414, Appendix E, PFL, generated code
# beta: 0.05
# parents: [dpo, slic]
# form: discovered
# ---
"""Policy Focused Loss on rho itself: beta is not used at all, so the margin of the hinge is one nat."""

import torch
import torch.nn.functional as F
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    ordered = policy_chosen_logps > policy_rejected_logps
    return torch.where(ordered, -F.logsigmoid(rho) / 2, 2 * torch.relu(1 - rho))
