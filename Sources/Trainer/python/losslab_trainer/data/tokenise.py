"""Token ids of preference pairs, exactly as TRL 1.16's DPOTrainer makes and truncates them.

TRL's rules: a dialogue is written by the chat template, with the generation prompt after the prompt alone; plain text
gets the end-of-sequence token after each answer unless it ends so. The answers begin where the tokens of the prompt
and of prompt with answer part. ``keep_start`` cuts each sequence at ``max_length`` and drops pairs whose prompt fills
it; ``keep_end`` keeps the last ``max_length`` tokens of each sequence, so that the two prompts may differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from losslab_trainer.data.rows import Finding, PreferenceRow, Text
from losslab_trainer.data.template import checked_template

BATCH = 1000  # rows tokenised at a time


@dataclass(frozen=True)
class TokenisedPair:
    """The ids of one pair; the answers without the prompt, with whatever ends a turn."""

    row: int
    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]
    rejected_prompt_ids: tuple[int, ...] | None = None  # where keep_end left the rejected side another prompt


@dataclass(frozen=True)
class TokeniseOptions:
    max_length: int | None = 1024  # of prompt and answer together; None cuts nothing
    max_prompt_length: int | None = None  # keeps a prompt's end, as TRL did before it dropped the option
    truncation: Literal["keep_start", "keep_end"] = "keep_start"
    chat_template: str | None = None  # a name, a file or Jinja text; None takes the tokenizer's own
    accept_template: bool = False  # use a doubtful template all the same


@dataclass(frozen=True)
class Truncation:
    """How much was cut."""

    pairs: int  # pairs of which anything was cut
    chosen: int
    rejected: int
    prompts: int
    tokens: int  # left out in all


@dataclass(frozen=True)
class TokenisedPreferences:
    pairs: tuple[TokenisedPair, ...]
    truncated: Truncation
    dropped: tuple[Finding, ...]
    # The prompt's tokens are not the beginning of those with the answer, so that its end was left out, as in TRL.
    merged: tuple[Finding, ...]
    cut: Mapping[int, int] = field(default_factory=dict)  # row -> tokens left out of its two sequences


def tokenise(rows: Iterable[PreferenceRow], tokenizer: Any, options: TokeniseOptions) -> TokenisedPreferences:
    """Tokenises and truncates. Raises DataProblem for a missing or doubtful chat template."""
    rows = list(rows)
    template = checked_template(rows, tokenizer, options.chat_template, accept=options.accept_template)
    pairs: list[TokenisedPair] = []
    dropped: list[Finding] = []
    merged: list[Finding] = []
    cuts: dict[int, _Cut] = {}
    for start in range(0, len(rows), BATCH):
        for row, prompt, chosen, rejected in _encoded(rows[start : start + BATCH], tokenizer, template, dropped):
            length = min(_common_prefix(prompt, chosen), _common_prefix(prompt, rejected))
            if length < len(prompt):
                lost = tokenizer.decode(prompt[length:])
                merged.append(Finding(row, "token-merge", f"the end of the prompt's tokens is left out: {lost!r}"))
            whole = TokenisedPair(row, tuple(prompt[:length]), tuple(chosen[length:]), tuple(rejected[length:]))
            finding = _unusable(whole, options)
            if finding:
                dropped.append(finding)
                continue
            pair, cut = _truncated(whole, options)
            pairs.append(pair)
            cuts[row] = cut
    dropped.sort(key=lambda finding: finding.row)
    lost_tokens = {number: cut.tokens for number, cut in cuts.items() if cut.tokens}
    return TokenisedPreferences(tuple(pairs), _summed(list(cuts.values())), tuple(dropped), tuple(merged), lost_tokens)


def _encoded(
    rows: Sequence[PreferenceRow], tokenizer: Any, template: str | None, dropped: list[Finding]
) -> list[tuple[int, list[int], list[int], list[int]]]:
    """Row number and the ids of prompt, prompt with chosen and prompt with rejected, of rows the template can write."""
    numbers: list[int] = []
    texts: tuple[list[str], list[str], list[str]] = ([], [], [])
    conversational = bool(rows) and rows[0].conversational
    for row in rows:
        try:
            written = _render(row, tokenizer, template) if conversational else _with_end(row, str(tokenizer.eos_token))
        except Exception as error:  # the template is a program of its own and may raise anything
            dropped.append(Finding(row.row, "malformed", f"the chat template refuses the dialogue: {error}"))
            continue
        numbers.append(row.row)
        for column, text in zip(texts, written, strict=True):
            column.append(text)
    if not numbers:
        return []
    # A template writes its special tokens itself.
    ids = [tokenizer(column, add_special_tokens=not conversational)["input_ids"] for column in texts]
    return list(zip(numbers, *ids, strict=True))


def _render(row: PreferenceRow, tokenizer: Any, template: str | None) -> tuple[str, str, str]:
    def write(*parts: Text, generation: bool = False) -> str:
        messages = [message._asdict() for part in parts for message in part if not isinstance(message, str)]
        text: str = tokenizer.apply_chat_template(
            messages,
            chat_template=template,
            tokenize=False,
            add_generation_prompt=generation,
            **row.template_arguments,
        )
        return text

    return write(row.prompt, generation=True), write(row.prompt, row.chosen), write(row.prompt, row.rejected)


def _with_end(row: PreferenceRow, end: str) -> tuple[str, str, str]:
    prompt, chosen, rejected = str(row.prompt), str(row.chosen), str(row.rejected)
    sides = [prompt + side + ("" if side.endswith(end) else end) for side in (chosen, rejected)]
    return prompt, sides[0], sides[1]


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    if list(other[: len(one)]) == list(one):
        return len(one)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _unusable(pair: TokenisedPair, options: TokeniseOptions) -> Finding | None:
    if not pair.chosen_ids or not pair.rejected_ids:
        side = "rejected" if pair.chosen_ids else "chosen"
        return Finding(pair.row, "empty", f"{side} adds no token to the prompt")
    length = len(_kept_prompt(pair.prompt_ids, options))
    if options.max_length is not None and options.truncation == "keep_start" and length >= options.max_length:
        return Finding(pair.row, "too-long", f"the prompt's {length} tokens fill the maximum of {options.max_length}")
    return None


def _kept_prompt(ids: tuple[int, ...], options: TokeniseOptions) -> tuple[int, ...]:
    limit = options.max_prompt_length
    return ids if limit is None or len(ids) <= limit else ids[len(ids) - limit :]


@dataclass(frozen=True)
class _Cut:
    prompt: bool
    chosen: bool
    rejected: bool
    tokens: int


def _truncated(whole: TokenisedPair, options: TokeniseOptions) -> tuple[TokenisedPair, _Cut]:
    prompt = _kept_prompt(whole.prompt_ids, options)
    chosen_prompt, chosen = _side(prompt, whole.chosen_ids, options)
    rejected_prompt, rejected = _side(prompt, whole.rejected_ids, options)
    pair = TokenisedPair(
        whole.row, chosen_prompt, chosen, rejected, None if rejected_prompt == chosen_prompt else rejected_prompt
    )
    before = len(whole.prompt_ids) * 2 + len(whole.chosen_ids) + len(whole.rejected_ids)
    after = len(chosen_prompt) + len(rejected_prompt) + len(chosen) + len(rejected)
    shortest = min(len(chosen_prompt), len(rejected_prompt))
    cut = _Cut(
        shortest < len(whole.prompt_ids),
        len(chosen) < len(whole.chosen_ids),
        len(rejected) < len(whole.rejected_ids),
        before - after,
    )
    return pair, cut


def _side(
    prompt: tuple[int, ...], answer: tuple[int, ...], options: TokeniseOptions
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if options.max_length is None or len(prompt) + len(answer) <= options.max_length:
        return prompt, answer
    if options.truncation == "keep_start":
        return prompt[: options.max_length], answer[: max(0, options.max_length - len(prompt))]
    excess = len(prompt) + len(answer) - options.max_length
    return prompt[excess:], answer[max(0, excess - len(prompt)) :]


def _summed(cuts: Sequence[_Cut]) -> Truncation:
    return Truncation(
        pairs=sum(1 for cut in cuts if cut.tokens),
        chosen=sum(cut.chosen for cut in cuts),
        rejected=sum(cut.rejected for cut in cuts),
        prompts=sum(cut.prompt for cut in cuts),
        tokens=sum(cut.tokens for cut in cuts),
    )
