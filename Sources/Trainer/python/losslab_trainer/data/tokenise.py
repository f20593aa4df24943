"""Token ids of preference pairs, exactly as TRL 1.16's DPOTrainer makes and truncates them, but where it is wrong.

TRL's rules: a dialogue is written by the chat template, with the generation prompt after the prompt alone; plain text
gets the end-of-sequence token after each answer unless it ends so. The answers begin where the tokens of the prompt
and of prompt with answer part. ``keep_start`` cuts each sequence at ``max_length`` and drops pairs whose prompt fills
it; ``keep_end`` keeps the last ``max_length`` tokens of each sequence, so that the two prompts may differ.

Unlike TRL, a tokenizer that ends or begins every text by itself gives no answer two ends and no prompt two beginnings,
sides with the same tokens are no pair, and what the template leaves out of a row is refused or told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from losslab_trainer.data.rows import Finding, PreferenceRow
from losslab_trainer.data.special import spelled_out
from losslab_trainer.data.template import checked_template
from losslab_trainer.data.writing import Writer

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
    # The prompt's tokens are not the beginning of those with the answer: its end counts as answer's, as in TRL.
    merged: tuple[Finding, ...]
    cut: Mapping[int, int] = field(default_factory=dict)  # row -> tokens left out of its two sequences
    left_out: tuple[Finding, ...] = ()  # of rows that are used all the same: thoughts, fields, what was accepted


def tokenise(rows: Iterable[PreferenceRow], tokenizer: Any, options: TokeniseOptions) -> TokenisedPreferences:
    """Tokenises and truncates. Raises DataProblem for a missing or doubtful chat template."""
    rows = list(rows)
    template = checked_template(rows, tokenizer, options.chat_template, accept=options.accept_template)
    pairs: list[TokenisedPair] = []
    merged: list[Finding] = []
    cuts: dict[int, _Cut] = {}
    writer = Writer(tokenizer, template, accept=options.accept_template)
    dropped = writer.dropped
    # Some tokenizers name the end of a sequence as unknown, and have no unknown text.
    nothing = None if tokenizer.unk_token_id == tokenizer.eos_token_id else tokenizer.unk_token_id
    for start in range(0, len(rows), BATCH):
        for row, prompt, chosen, rejected in writer.encoded(rows[start : start + BATCH]):
            length = min(_common_prefix(prompt, chosen), _common_prefix(prompt, rejected))
            if length < len(prompt):
                lost = tokenizer.decode(prompt[length:])
                merged.append(
                    Finding(row, "token-merge", f"the prompt's end {lost!r} is in the first token trained on")
                )
            whole = TokenisedPair(row, tuple(prompt[:length]), tuple(chosen[length:]), tuple(rejected[length:]))
            finding = _unusable(whole, options)
            if finding:
                dropped.append(finding)
                continue
            pair, cut = _truncated(whole, options)
            if _same(pair):
                where = f"up to the maximum of {options.max_length} tokens, at which they are cut"
                dropped.append(Finding(row, "identical", f"chosen and rejected are the same {where}"))
                continue
            pairs.append(pair)
            cuts[row] = cut
            unknown = {"prompt": prompt, "chosen": chosen[length:], "rejected": rejected[length:]}
            counts = {name: ids.count(nothing) for name, ids in unknown.items() if nothing in ids}
            if counts:
                which = ", ".join(f"{count} tokens of {name}" for name, count in counts.items())
                writer.told.append(Finding(row, "unknown-token", f"{which} are unknown words"))
    writer.check(len(rows))
    dropped.sort(key=lambda finding: finding.row)
    used = {pair.row for pair in pairs}
    told = [*writer.told, *spelled_out((row for row in rows if row.row in used), tokenizer)]
    lost_tokens = {number: cut.tokens for number, cut in cuts.items() if cut.tokens}
    return TokenisedPreferences(
        tuple(pairs),
        _summed(list(cuts.values())),
        tuple(dropped),
        tuple(merged),
        lost_tokens,
        tuple(finding for finding in told if finding.row in used),
    )


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    if list(other[: len(one)]) == list(one):
        return len(one)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _unusable(pair: TokenisedPair, options: TokeniseOptions) -> Finding | None:
    if not pair.chosen_ids or not pair.rejected_ids:
        side = "rejected" if pair.chosen_ids else "chosen"
        return Finding(pair.row, "empty", f"{side} adds no token to the prompt")
    if pair.chosen_ids == pair.rejected_ids:
        return Finding(pair.row, "identical", "chosen and rejected have the same tokens, as they are written")
    length = len(_kept_prompt(pair.prompt_ids, options))
    if options.max_length is not None and options.truncation == "keep_start" and length >= options.max_length:
        return Finding(pair.row, "too-long", f"the prompt's {length} tokens fill the maximum of {options.max_length}")
    return None


def _same(pair: TokenisedPair) -> bool:
    rejected_prompt = pair.prompt_ids if pair.rejected_prompt_ids is None else pair.rejected_prompt_ids
    return pair.prompt_ids + pair.chosen_ids == rejected_prompt + pair.rejected_ids


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
