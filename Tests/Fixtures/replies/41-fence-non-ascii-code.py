import torch
import torch.nn.functional as F


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    # ρ: Abstand der Log-Wahrscheinlichkeiten
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    τ = 2.0
    return F.softplus(-beta * rho * τ) / τ
