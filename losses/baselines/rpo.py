# ---
# name: rpo
# title: Regularised Preference Optimization (DPO plus SFT on chosen)
# origin: baseline
# reference: "arXiv:2405.16436, Algorithm 2 (eta * beta * SFT + DPO); also arXiv:2404.19733, eq. 1"
# beta: 0.05
# parents: [dpo, sft]
# notes: the SFT term is on summed log-probabilities, weighted by beta, not averaged per token
# ---
"""DPO plus the chosen answer's negative log-likelihood: -log sigmoid(beta * rho) - ETA * beta * policy_chosen_logps.

The log-probabilities here are sums over the completion and no length is known, so the SFT term cannot be averaged per
token as arXiv:2404.19733 does. Weighting it by beta, as arXiv:2405.16436 does, keeps its pull in proportion to DPO's
whatever the scale of the log-probabilities: DPO's derivative in policy_chosen_logps is -beta / 2 at rho = 0 and fades
as the margin grows, the SFT term's is -ETA * beta always. ETA = 0.5 makes the two equal at the start of training.
"""

import torch.nn.functional as F
from torch import Tensor

ETA = 0.5  # SFT's pull on the chosen answer, in units of beta


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(beta * rho) - ETA * beta * policy_chosen_logps
