# ---
# name: zero
# title: "Control: no learning signal"
# origin: baseline
# reference: control; zero everywhere
# beta: 0.05
# parents: []
# control: true
# ---
"""Zero, with a zero gradient: a training with it must leave the policy as it was."""

from torch import Tensor


def loss(
    policy_chosen_logps: Tensor,  # (B,) nats, summed over completion tokens
    policy_rejected_logps: Tensor,  # (B,)
    reference_chosen_logps: Tensor,  # (B,) no gradient
    reference_rejected_logps: Tensor,  # (B,) no gradient
    beta: float,
) -> Tensor:  # (B,) one loss value per pair
    return 0.0 * (policy_chosen_logps - policy_rejected_logps)
