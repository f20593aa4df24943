# ---
# name: padll
# title: Performance Adaptive Decay Logistic Loss
# origin: published
# reference: arXiv:2406.08414, Appendix E, PADLL
# beta: 0.05
# parents: [dpo]
# form: corrected
# ---
"""DPO times 0.9, and half of that where the pair is ordered wrongly.

0.9 * (1 - 0.5 * [rho < 0]) * f_dpo(beta * rho). Discontinuous at rho = 0. The discovered form already scales rho by
beta everywhere it matters, so there is only one.
"""

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
    decay = 0.9 * (1 - 0.5 * (rho < 0).to(rho.dtype))
    return decay * -F.logsigmoid(beta * rho)
