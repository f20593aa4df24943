import torch
import torch.nn.functional as F


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    x = beta * rho
    gate = torch.sigmoid(2.0 * x)
    return (1 - gate) * -F.logsigmoid(x) + gate * F.relu(1.5 - x)
