# ---
# name: aot
# title: Alignment via Optimal Transport (paired)
# origin: baseline
# reference: arXiv:2406.05882, AOT paired loss, by sorting
# beta: 0.05
# parents: [dpo]
# ---
"""DPO between the sorted policy margins and the sorted reference margins of the batch.

Sorting matches the two distributions' quantiles (one-dimensional optimal transport), so value i belongs to the i-th
smallest margin and not to pair i; the mean is what is meant. Batch-coupled; a batch of one is DPO.
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
    policy_margins = torch.sort(policy_chosen_logps - policy_rejected_logps).values
    reference_margins = torch.sort(reference_chosen_logps - reference_rejected_logps).values
    return -F.logsigmoid(beta * (policy_margins - reference_margins))
