"""Evaluates a loss in this process, with no isolation: for the catalogue's own losses in tests and benchmarks."""

from __future__ import annotations

import torch
from torch import Tensor

from losslab_trainer.contract import LossValues
from losslab_trainer.loss_call import evaluate_loss, load_loss


class InProcessLoss:
    """A LossEvaluator for text that is trusted as much as this program. Never for generated code."""

    def __init__(self, source: str) -> None:
        self._function = load_loss(source)

    def evaluate(
        self,
        policy_chosen_logps: Tensor,
        policy_rejected_logps: Tensor,
        reference_chosen_logps: Tensor,
        reference_rejected_logps: Tensor,
        beta: float,
        *,
        reference_grads: bool = False,
    ) -> LossValues:
        """Loss values and partial derivatives, unchecked for finiteness; see LossEvaluator."""
        vectors = (policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps)
        # As in the loss process (warm_up.py), so that the numbers are the same bit for bit.
        was_enabled = torch.backends.mkldnn.enabled
        torch.backends.mkldnn.enabled = False  # type: ignore[assignment]
        try:
            return evaluate_loss(self._function, vectors, beta, reference_grads=reference_grads)
        finally:
            torch.backends.mkldnn.enabled = was_enabled

    def close(self) -> None:
        """Nothing to end."""
