"""Whether a model's own numbers are finite before anything is trained: a fault of the model's, not of any loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from losslab_trainer.data.tokenise import TokenisedPair
from losslab_trainer.finetune.models import LoadedModel
from losslab_trainer.finetune.problem import FinetuneProblem

PROMPTS_TRIED = 4


def require_finite_pairs(loaded: LoadedModel, pairs: Sequence[TokenisedPair], chosen: Tensor, rejected: Tensor) -> None:
    """Log-probabilities, (n,) each, of the untrained model. Raises FinetuneProblem."""
    broken = (~(chosen.isfinite() & rejected.isfinite())).nonzero().flatten().tolist()
    if broken:
        rows = sorted(pairs[i].row for i in broken)
        raise FinetuneProblem(
            f"model {loaded.settings.path}: its own log-probabilities are not finite for {len(broken)} of {len(pairs)} "
            f"pairs (the first is row {rows[0]}), before any training; no loss can be trained on it. {_next(loaded)}"
        )


def require_finite_prompts(loaded: LoadedModel, prompts: Sequence[Sequence[int]]) -> None:
    """Tries some prompts, the longest first, before answers to all are sampled. Raises FinetuneProblem."""
    for ids in sorted(prompts, key=len, reverse=True)[:PROMPTS_TRIED]:
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([list(ids)], device=loaded.device), use_cache=False).logits[0, -1]
        if bool(logits.isnan().any()) or not bool(logits.float().logsumexp(-1).isfinite()):
            raise FinetuneProblem(
                f"model {loaded.settings.path}: its own log-probabilities after a prompt of {len(ids)} tokens are not "
                f"finite, so it cannot answer. {_next(loaded)}"
            )


def _next(loaded: LoadedModel) -> str:
    if loaded.dtype == torch.float16:
        return "Take dtype bfloat16 or float32: its activations may be too large for float16"
    return "Try it with transformers, and give another checkpoint"
