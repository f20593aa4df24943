"""Preference pairs: read from JSON lines, tokenised as TRL's DPOTrainer does, and held as padded matrices."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from losslab_trainer.failures import at


@dataclass(frozen=True)
class TokenizedPair:
    """The token ids of one pair. The completions include the end-of-turn token that the template writes."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


@dataclass(frozen=True)
class PairSet:
    """N tokenised pairs as matrices: prompts padded on the left, completions on the right."""

    prompts: Tensor  # (N, longest prompt)
    chosen: Tensor  # (N, longest chosen)
    rejected: Tensor  # (N, longest rejected)
    lengths: Tensor  # (N, 3): tokens of prompt, chosen and rejected

    def __len__(self) -> int:
        return len(self.lengths)

    @classmethod
    def of(cls, pairs: Sequence[TokenizedPair]) -> PairSet:
        return cls(
            prompts=_padded([pair.prompt for pair in pairs], left=True),
            chosen=_padded([pair.chosen for pair in pairs], left=False),
            rejected=_padded([pair.rejected for pair in pairs], left=False),
            lengths=torch.tensor([[len(pair.prompt), len(pair.chosen), len(pair.rejected)] for pair in pairs]),
        )

    def content_hash(self) -> str:
        """SHA-256 of all token ids: it changes with the rows, the tokenizer, the template and the truncation."""
        digest = hashlib.sha256()
        for tensor in (self.prompts, self.chosen, self.rejected, self.lengths):
            digest.update(f"{tuple(tensor.shape)};".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()


def read_pairs(path: Path | str) -> list[dict[str, Any]]:
    """Rows of a JSON lines file, gzipped if its name ends in .gz."""
    path = Path(path)
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(content.decode("utf-8").split("\n"), start=1):
        with at(f"{path}, line {number}"):
            rows += [json.loads(line)] if line.strip() else []
    return rows


def tokenize_pairs(
    tokenizer: Any, rows: Iterable[dict[str, Any]], max_length: int | None = None
) -> list[TokenizedPair]:
    """Token ids of conversational pairs with an explicit prompt (lists of messages).

    As TRL: the completion begins where the template's text with and without it part, sequences are cut at
    ``max_length`` from the start, and a pair whose prompt alone fills it is dropped. A pair with an empty side, which
    TRL would let through, is an error.
    """
    pairs = []
    rows = list(rows)
    prompts = _render(tokenizer, [row["prompt"] for row in rows], add_generation_prompt=True)
    chosen = _render(tokenizer, [row["prompt"] + row["chosen"] for row in rows])
    rejected = _render(tokenizer, [row["prompt"] + row["rejected"] for row in rows])
    for i, (prompt, with_chosen, with_rejected) in enumerate(zip(prompts, chosen, rejected, strict=True)):
        length = min(_common_prefix(prompt, with_chosen), _common_prefix(prompt, with_rejected))
        if max_length is not None and length >= max_length:
            continue
        pair = TokenizedPair(prompt[:length], with_chosen[length:max_length], with_rejected[length:max_length])
        if not (pair.prompt and pair.chosen and pair.rejected):
            raise ValueError(f"preference pair {i} has an empty side")
        pairs.append(pair)
    return pairs


def _render(
    tokenizer: Any, conversations: list[list[dict[str, str]]], add_generation_prompt: bool = False
) -> list[list[int]]:
    texts = [
        tokenizer.apply_chat_template(conversation, add_generation_prompt=add_generation_prompt, tokenize=False)
        for conversation in conversations
    ]
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids


def _common_prefix(one: list[int], other: list[int]) -> int:
    if other[: len(one)] == one:
        return len(one)
    return next(i for i, (a, b) in enumerate(zip([*one, None], [*other, None], strict=False)) if a != b)


def _padded(rows: list[list[int]], *, left: bool) -> Tensor:
    width = max((len(row) for row in rows), default=0)
    padding = [[0] * (width - len(row)) for row in rows]
    return torch.tensor([pad + row if left else row + pad for pad, row in zip(padding, rows, strict=True)])
