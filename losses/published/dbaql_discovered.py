# ---
# name: dbaql_discovered
# title: DBAQL as discovered
# origin: published
# reference: arXiv:2406.08414, Appendix E, DBAQL, generated code
# beta: 0.05
# parents: [dpo, exponential]
# form: discovered
# ---
"""Blend of DPO and exponential loss by the variance of rho itself, so that beta does not scale every use of it.

Equal to the corrected form at beta = 0.05. Gives NaN for a batch of one.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPERATURE = 0.9


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    blend = torch.sigmoid(rho.var())
    return blend * -F.logsigmoid(beta * rho / TEMPERATURE) + (1 - blend) * torch.exp(-beta * rho * TEMPERATURE)
