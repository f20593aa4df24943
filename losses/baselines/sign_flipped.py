# ---
# name: sign_flipped
# title: "Control: DPO with the preference reversed"
# origin: baseline
# reference: control; arXiv:2305.18290, eq. 7 with rho negated
# beta: 0.05
# parents: [dpo]
# control: true
# ---
"""DPO that prefers the rejected answer: -log sigmoid(-beta * rho).

A benchmark in which this scores well measures nothing.
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
    return -F.logsigmoid(-beta * rho)
