"""Rows as they are trained: the text of all tokens, and which of them are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from losslab_trainer.data.tokenise import TokenisedPair


def shown(pair: TokenisedPair, tokenizer: Any) -> dict[str, object]:
    """Both sequences of a pair, each in stretches that are trained on or only read."""
    rejected_prompt = pair.prompt_ids if pair.rejected_prompt_ids is None else pair.rejected_prompt_ids
    return {
        "row": pair.row,
        "chosen": _stretches(pair.prompt_ids, pair.chosen_ids, tokenizer),
        "rejected": _stretches(rejected_prompt, pair.rejected_ids, tokenizer),
    }


def _stretches(prompt: Sequence[int], answer: Sequence[int], tokenizer: Any) -> list[dict[str, object]]:
    # Nothing comes before a sequence's first token to predict it.
    read = len(prompt) or 1
    ids = [*prompt, *answer]
    whole, head = decoded(ids, tokenizer), decoded(ids[:read], tokenizer)
    # Half a character at the prompt's end becomes whole with the answer; then each stretch is decoded alone.
    rest = whole[len(head) :] if whole.startswith(head) else decoded(ids[read:], tokenizer)
    return [
        {"text": head, "trained": False, "tokens": read, "ids": ids[:read]},
        {"text": rest, "trained": True, "tokens": len(ids) - read, "ids": ids[read:]},
    ]


def decoded(ids: Sequence[int], tokenizer: Any) -> str:
    text: str = tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text
