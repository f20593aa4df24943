# ---
# name: aqfl_discovered
# title: AQFL as discovered
# origin: published
# reference: arXiv:2406.08414, Appendix E, AQFL, generated code
# beta: 0.05
# parents: [dpo, slic]
# form: discovered
# ---
"""Blend of DPO and hinge with the quantile and the distance taken on rho itself, not on beta * rho.

Equal to the corrected form at beta = 0.05. Gives NaN for a batch of one.
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
    first = rho.std() * torch.sigmoid(-rho).mean()
    quantile = first + 0.05 * (torch.sigmoid(rho.mean()) - first)
    weight = torch.sigmoid(0.1 * (rho - quantile).abs())
    return weight * -F.logsigmoid(beta * rho) + (1 - weight) * torch.relu(1 - beta * rho)
