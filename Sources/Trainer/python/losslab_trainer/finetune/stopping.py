"""Where an answer ends, and by which rules it is drawn: the checkpoint's own habits of sampling count for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import GenerationConfig

from losslab_trainer.data import rendering
from losslab_trainer.data.template import brief

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
    text = _written(tokenizer)
    if isinstance(text, Exception):
        return None  # which refusal tells
    behind = tokenizer(text[text.rindex(_WORD) + len(_WORD) :] if _WORD in text else "", add_special_tokens=False)
    special = {*tokenizer.all_special_ids, *(i for i, t in tokenizer.added_tokens_decoder.items() if t.special)}
    return next((int(i) for i in behind["input_ids"] if i in special), None)


def refusal(tokenizer: Any) -> str | None:
    """What is to be told where the chat template refuses a question with its answer, and so hides how one ends."""
    text = "" if tokenizer.chat_template is None else _written(tokenizer)
    if not isinstance(text, Exception):
        return None
    return (
        f"the chat template refuses one question with its answer ({brief(text)}), so where a turn ends is not known: "
        "answers end at the model's end of sequence alone, or are cut off"
    )


def _written(tokenizer: Any) -> str | Exception:
    """One question with its answer, after a system message where the template wants one; or why it refuses that."""
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": _WORD}]
    refused: Exception | None = None
    for messages in (turns, [{"role": "system", "content": "b"}, *turns]):
        try:
            return rendering.write(tokenizer, messages)
        except rendering.TemplateStopped:
            raise
        except Exception as error:  # a template is a program and may raise anything
            refused = refused or error
    return refused or ValueError("no dialogue")


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
