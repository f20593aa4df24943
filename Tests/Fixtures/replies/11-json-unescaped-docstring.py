import torch
import torch.nn.functional as F


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    """Cauchy-like: heavy tail on the wrong side."""
    x = 1 - beta * rho
    return 0.5 * torch.log1p(torch.relu(x) ** 2)
