"""Held-out evaluation: how a trained policy ranks pairs it was not trained on, and how far it went."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from losslab_trainer.data.tokenise import TokenisedPair
from losslab_trainer.finetune.layout import Pair, token_count
from losslab_trainer.finetune.memory import is_out_of_memory, release
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.metrics import MeanWithError
from losslab_trainer.reference_cache import ReferenceLogps

TOKENS_AT_ONCE = {"cpu": 8192, "cuda": 65536}
KL_ESTIMATE = "mean of log policy - log reference over held-out completions, not over the policy's own answers"


@dataclass(frozen=True)
class HeldOut:
    """Log-probabilities of held-out pairs, (n,) each, nats summed over the completion."""

    pairs: Sequence[TokenisedPair]
    policy: ReferenceLogps
    reference: ReferenceLogps

    def to_json(self, beta: float, logp_scale: float, *, trained: bool) -> dict[str, object]:
        """Means with standard errors over pairs. An untrained policy has no preference of its own: accuracy null."""
        chosen = self.policy.chosen - self.reference.chosen
        rejected = self.policy.rejected - self.reference.rejected
        margins = beta * logp_scale * (chosen - rejected)
        return {
            "pairs": len(self.pairs),
            "accuracy": mean_json((chosen > rejected).double()) if trained else None,
            "margin": mean_json(margins) | {"unit": "beta x scaled log-ratio"},
            "kl": mean_json((chosen + rejected) / 2) | {"unit": "nats per completion", "estimate": KL_ESTIMATE},
            "chosenNll": mean_json(-self.policy.chosen) | {"unit": "nats per completion"},
            "chosenNllChange": mean_json(self.reference.chosen - self.policy.chosen) | {"unit": "nats per completion"},
        }

    def write(self, path: Path) -> None:
        """One line for each pair; pairs of one prompt share its hash."""
        values = (self.policy.chosen, self.policy.rejected, self.reference.chosen, self.reference.rejected)
        names = ("policyChosenLogps", "policyRejectedLogps", "referenceChosenLogps", "referenceRejectedLogps")
        rows = [
            {
                "row": pair.row,
                "prompt": hashlib.blake2b(repr(pair.prompt_ids).encode(), digest_size=8).hexdigest(),
                "chosenTokens": len(pair.chosen_ids),
                "rejectedTokens": len(pair.rejected_ids),
                **dict(zip(names, numbers, strict=True)),
            }
            for pair, *numbers in zip(self.pairs, *(vector.tolist() for vector in values), strict=True)
        ]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def mean_json(values: Tensor) -> dict[str, object]:
    """A mean with its standard error (null for one value) and count."""
    mean = MeanWithError.of([float(value) for value in values])
    return {"value": mean.value, "standardError": mean.standard_error, "count": mean.count}


def score_all(scorer: PairScorer, pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
    """Log-probabilities of any number of pairs, (n,) each, without a graph. Raises FinetuneProblem when none fits."""
    if not pairs:
        return torch.empty(0), torch.empty(0)
    order = sorted(range(len(pairs)), key=lambda i: token_count(pairs[i]), reverse=True)
    budget = TOKENS_AT_ONCE[scorer.device.type]
    chosen: list[Tensor] = []
    rejected: list[Tensor] = []
    start = 0
    while start < len(order):
        count = max(1, budget // token_count(pairs[order[start]]))
        part = [pairs[i] for i in order[start : start + count]]
        try:
            scores = scorer.score_without_graph(part)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if count == 1:
                raise FinetuneProblem(
                    "out of memory scoring a single pair; lower training.maxLength or take a larger device"
                ) from None
            budget //= 2
            print(f"finetune: out of memory scoring; going on with {budget} tokens at once", file=sys.stderr)
            scores = None
        if scores is None:
            release(scorer.device)
            continue
        chosen.append(scores.chosen.cpu())
        rejected.append(scores.rejected.cpu())
        start += count
    back = torch.tensor(order).argsort()
    return torch.cat(chosen)[back], torch.cat(rejected)[back]
