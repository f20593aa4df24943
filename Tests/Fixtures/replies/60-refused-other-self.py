import torch
import torch.nn.functional as F

def f(self, policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps):
    x = policy_chosen_logps - policy_rejected_logps
    return -F.logsigmoid(self.tau * x)
