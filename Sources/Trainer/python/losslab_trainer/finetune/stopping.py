"""Where an answer ends, and by which rules it is drawn: the checkpoint's own habits of sampling count for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jinja2 import TemplateError
from transformers import GenerationConfig

_WORD = "content"


def stop_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end an answer: end of sequence, what the generation config names, the turn's end."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    named = (int(i) for i in [*ids, tokenizer.eos_token_id, turn_end(tokenizer)] if i is not None)
    return frozenset(i for i in named if i < len(tokenizer))


def turn_end(tokenizer: Any) -> int | None:
    """The special token that the chat template writes behind an answer; ``None`` where there is none.

    A template may end turns with a token that is not the end of sequence; a policy trained on it writes no other.
    """
    if tokenizer.chat_template is None:
        return None
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _WORD}]
    try:
        text = tokenizer.apply_chat_template(messages, tokenize=False)
    except (TemplateError, TypeError, ValueError):
        return None
    behind = tokenizer(text[text.rindex(_WORD) + len(_WORD) :] if _WORD in text else "", add_special_tokens=False)
    special = {*tokenizer.all_special_ids, *(i for i, t in tokenizer.added_tokens_decoder.items() if t.special)}
    return next((int(i) for i in behind["input_ids"] if i in special), None)


@contextmanager
def without_habits(model: Any) -> Iterator[None]:
    """Puts a fresh generation config in the place of the checkpoint's while something is sampled.

    Its repetition penalty, forbidden n-grams, least probabilities, suppressed or forced tokens would change what greedy
    and temperature 1 mean. transformers fills whatever a call leaves open from the model's own config.
    """
    holders = [model, *([model.get_base_model()] if hasattr(model, "get_base_model") else [])]
    own = [holder.generation_config for holder in holders]
    for holder in holders:
        holder.generation_config = GenerationConfig()
    try:
        yield
    finally:
        for holder, config in zip(holders, own, strict=True):
            holder.generation_config = config


def save_stops(folder: Path, stops: frozenset[int]) -> None:
    """Makes a saved model end its answers where ours were ended. Its other settings stay its own."""
    path = folder / "generation_config.json"
    config = GenerationConfig.from_pretrained(folder) if path.is_file() else GenerationConfig()
    config.eos_token_id = sorted(stops) if len(stops) != 1 else min(stops)
    # As JSON, since saving refuses settings that contradict each other, and they are the checkpoint's affair.
    config.to_json_file(path)
