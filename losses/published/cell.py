# ---
# name: cell
# title: Combined Exponential + Logistic Loss
# origin: published
# reference: arXiv:2406.08414, Appendix E, CELL
# beta: 0.05
# parents: [dpo, exponential]
# form: corrected
# ---
"""Half DPO and half exponential loss: 0.5 * f_dpo(beta * rho) + 0.5 * f_exp(beta * rho).

The discovered form already scales rho by beta everywhere, so there is only one.
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
    return 0.5 * -F.logsigmoid(beta * rho) + 0.5 * torch.exp(-beta * rho)
