# ---
# name: aql_discovered
# title: AQL as discovered
# origin: published
# reference: arXiv:2406.08414, Appendix E, AQL, generated code
# beta: 0.05
# parents: [dpo, slic]
# form: discovered
# ---
"""Blend of DPO and hinge, with the quantile compared to rho and only then scaled: q = sigmoid(-beta * (rho - m)).

Differs from the corrected form at every beta: the weight moves beta times more slowly.
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
    quantile = 0.5 + 0.01 * (torch.sigmoid(rho.mean()) - 0.5)
    weight = torch.sigmoid(-beta * (rho - quantile))
    return weight * -F.logsigmoid(beta * rho) + (1 - weight) * torch.relu(1 - beta * rho)
