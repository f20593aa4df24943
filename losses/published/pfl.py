# ---
# name: pfl
# title: Policy Focused Loss
# origin: published
# reference: arXiv:2406.08414, Appendix E, PFL
# beta: 0.05
# parents: [dpo, slic]
# form: corrected
# ---
"""DPO halved where the policy already prefers the chosen answer, hinge doubled elsewhere.

f_dpo(beta * rho) / 2 where policy_chosen_logps > policy_rejected_logps, else 2 * f_slic(beta * rho). The switch looks
at the policy alone, so the loss is not a function of rho.
"""

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
    logits = beta * rho
    ordered = policy_chosen_logps > policy_rejected_logps
    return torch.where(ordered, -F.logsigmoid(logits) / 2, 2 * torch.relu(1 - logits))
