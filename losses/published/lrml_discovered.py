# ---
# name: lrml_discovered
# title: LRML as discovered
# origin: published
# reference: arXiv:2406.08414, Appendix E, LRML, generated code
# beta: 0.05
# parents: [dpo, exponential]
# form: discovered
# ---
"""Blend of DPO and exponential loss, modulated by sigmoid(rho) without beta.

Equal to the corrected form at beta = 0.05; elsewhere beta changes its shape and not only its scale.
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
    modulation = torch.sigmoid(rho)
    return (1 - modulation) * -F.logsigmoid(beta * rho) + modulation * torch.exp(-beta * rho)
