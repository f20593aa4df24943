"""Reference log-probabilities: computed once for a policy and a set of pairs, and kept on disk by content hash."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from losslab_trainer.batches import completion_logps, make_batch
from losslab_trainer.forward import Forward
from losslab_trainer.pairs import PairSet
from losslab_trainer.policy import Policy, weights_hash

PAIRS_AT_ONCE = 64


@dataclass(frozen=True)
class ReferenceLogps:
    """The reference policy's log-probabilities of every pair's completions."""

    chosen: Tensor  # (N,) nats, summed over completion tokens
    rejected: Tensor  # (N,)


def reference_key(policy: Policy, pairs: PairSet) -> str:
    """What the values depend on: the weights, the model's configuration and the token ids.

    The token ids stand for rows, tokenizer, chat template and truncation: whatever changes them changes the key.
    """
    config = policy.model.config.to_dict()
    for name in ("_name_or_path", "transformers_version"):
        config.pop(name, None)
    text = json.dumps(
        {"weights": weights_hash(policy.model), "config": config, "pairs": pairs.content_hash()},
        sort_keys=True,
        default=str,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def reference_logps(policy: Policy, forward: Forward, pairs: PairSet, directory: Path | None) -> ReferenceLogps:
    """Reads the values from the cache, or computes and writes them. ``forward`` must hold the policy's own weights."""
    if directory is None:
        return compute_reference_logps(forward, pairs)
    path = directory / f"{reference_key(policy, pairs)}.safetensors"
    cached = _read(path, len(pairs))
    if cached is None:
        cached = compute_reference_logps(forward, pairs)
        directory.mkdir(parents=True, exist_ok=True)
        # Written aside and renamed: two trainers that share the folder never see half a file.
        partial = path.with_suffix(f".{os.getpid()}.partial")
        save_file({"chosen": cached.chosen, "rejected": cached.rejected}, partial)
        partial.replace(path)
    return cached


def compute_reference_logps(forward: Forward, pairs: PairSet) -> ReferenceLogps:
    chosen, rejected = torch.empty(len(pairs)), torch.empty(len(pairs))
    by_length = pairs.lengths.sum(1).argsort(stable=True)
    with torch.inference_mode():
        for indices in torch.split(by_length, PAIRS_AT_ONCE):
            batch = make_batch(pairs, indices, packed=forward.packs)
            chosen[indices], rejected[indices] = completion_logps(forward, batch)
    return ReferenceLogps(chosen, rejected)


def _read(path: Path, count: int) -> ReferenceLogps | None:
    """None when there is no such file, or one that is damaged: then the values are computed again."""
    try:
        tensors = load_file(path)
        values = ReferenceLogps(tensors["chosen"], tensors["rejected"])
    except (OSError, SafetensorError, KeyError):
        return None
    return values if values.chosen.shape == values.rejected.shape == (count,) else None
