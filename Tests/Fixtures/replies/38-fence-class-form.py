import torch
import torch.nn as nn
import torch.nn.functional as F

class SmoothHinge(nn.Module):
    def __init__(self, beta=0.05, width=1.0):
        super().__init__()
        self.beta = beta
        self.width = width

    def forward(self, policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps):
        logits = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
        return F.softplus((self.width - self.beta * logits))
