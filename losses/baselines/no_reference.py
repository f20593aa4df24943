# ---
# name: no_reference
# title: "Control: DPO without the reference"
# origin: baseline
# reference: control; arXiv:2305.18290, eq. 7 with the reference log-ratio dropped
# beta: 0.05
# parents: [dpo]
# control: true
# ---
"""DPO on the policy's margin alone: -log sigmoid(beta * (policy_chosen_logps - policy_rejected_logps))."""

import torch.nn.functional as F
from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    return -F.logsigmoid(beta * (policy_chosen_logps - policy_rejected_logps))
