"""Rows become token ids: dialogues by the chat template, plain text as it stands. What is lost on the way is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from losslab_trainer.data import rendering
from losslab_trainer.data.layouts import AGREEMENT
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import Finding, Message, PreferenceRow, Text
from losslab_trainer.data.special import ended, plain_ids, written_ids
from losslab_trainer.data.template import brief, choices
from losslab_trainer.data.written import Missing, missing, missing_tools

SHORT = 12  # characters that may be found by chance
Encoded = tuple[int, list[int], list[int], list[int]]  # row; ids of prompt, prompt with chosen, prompt with rejected


@dataclass
class Writer:
    """Writes and encodes rows; ``template`` None is for plain text. Collects what cannot be used, and what is told."""

    tokenizer: Any
    template: str | None
    accept: bool  # a template that leaves something out
    dropped: list[Finding] = field(default_factory=list)
    told: list[Finding] = field(default_factory=list)

    def encoded(self, rows: Sequence[PreferenceRow]) -> list[Encoded]:
        if self.template is None:
            ids = [plain_ids(self.tokenizer, texts) for texts in zip(*map(_plain, rows), strict=True)]
            end = self.tokenizer.eos_token_id
            prompts, *sides = ids if ids else ([], [], [])
            chosen, rejected = ([ended(own, end) for own in side] for side in sides)
            return list(zip([row.row for row in rows], prompts, chosen, rejected, strict=True))
        numbers: list[int] = []
        columns: tuple[list[str], list[str], list[str]] = ([], [], [])
        with rendering.bounded():
            for row, texts in self._written(rows):
                numbers.append(row.row)
                for column, text in zip(columns, texts, strict=True):
                    column.append(text)
        return list(zip(numbers, *(written_ids(self.tokenizer, column) for column in columns), strict=True))

    def _written(self, rows: Sequence[PreferenceRow]) -> Iterator[tuple[PreferenceRow, tuple[str, str, str]]]:
        """The rows that are to be used, with their prompt, and their prompt with each answer."""
        for row in rows:
            try:
                texts = _render(row, self.tokenizer, self.template or "")
            except rendering.TemplateStopped:
                raise
            except Exception as error:  # the template is a program of its own and may raise anything
                explanation = f"the chat template refuses the dialogue: {brief(error)}"
                self.dropped.append(Finding(row.row, "malformed", explanation))
                continue
            if self._is_whole(row, texts):
                yield row, texts

    def _is_whole(self, row: PreferenceRow, texts: tuple[str, str, str]) -> bool:
        """Whether the row is to be used; tells what the template leaves out of it."""
        template = self.template or ""
        found = [*_missing(row, texts, template), *_short_missing(row, self.tokenizer, template)]
        serious = next((one for one in found if one.is_serious), None)
        if serious is not None and not self.accept:
            self.dropped.append(Finding(row.row, "left-out", serious.explanation))
            return False
        told: dict[str, Missing] = {}
        for one in found:  # each field, and the first of everything else
            told.setdefault(one.explanation if one.reason == "unused-field" else one.reason, one)
        self.told += [Finding(row.row, one.reason, one.explanation) for one in told.values()]
        return True

    def check(self, rows: int) -> None:
        """Raises DataProblem where the template leaves something out of many rows: then it is not for these data."""
        lost = [finding for finding in self.dropped if finding.reason == "left-out"]
        if len(lost) > (1 - AGREEMENT) * rows:
            raise DataProblem(
                f"the chat template is doubtful: it leaves something out of {len(lost)} of {rows} rows, first of row "
                f"{lost[0].row}: {lost[0].explanation}. {choices(self.tokenizer, accepting=True)}"
            )


def _plain(row: PreferenceRow) -> tuple[str, str, str]:
    prompt = str(row.prompt)
    return prompt, prompt + str(row.chosen), prompt + str(row.rejected)


def _render(row: PreferenceRow, tokenizer: Any, template: str) -> tuple[str, str, str]:
    prompt, chosen, rejected = (_messages(text) for text in (row.prompt, row.chosen, row.rejected))
    alone = _write(prompt, row, tokenizer, template, generation=True)
    return (
        alone,
        _write([*prompt, *chosen], row, tokenizer, template),
        _write([*prompt, *rejected], row, tokenizer, template),
    )


def _write(
    messages: Sequence[Message], row: PreferenceRow, tokenizer: Any, template: str, *, generation: bool = False
) -> str:
    return rendering.write(
        tokenizer,
        [message.to_json() for message in messages],
        template=template,
        generation=generation,
        arguments=row.template_arguments,
    )


def _messages(text: Text) -> list[Message]:
    return [message for message in text if isinstance(message, Message)]


def _missing(row: PreferenceRow, texts: tuple[str, str, str], template: str) -> Iterator[Missing]:
    prompt, *wholes = texts
    yield from missing("prompt", _messages(row.prompt), prompt, template)
    yield from missing_tools(row.template_arguments, prompt)
    for name, side, whole in zip(("chosen", "rejected"), (row.chosen, row.rejected), wholes, strict=True):
        begins = whole.startswith(prompt)
        if not begins:
            yield Missing("left-out", f"{name}: the prompt is written otherwise where an answer follows")
        yield from missing(name, _messages(side), whole[len(prompt) :] if begins else whole, template)


def _short_missing(row: PreferenceRow, tokenizer: Any, template: str) -> Iterator[Missing]:
    """A few letters are found in any text; so the prompt's short turns are written once more, as signs of their own."""
    turns = _messages(row.prompt)
    signs = {i: f"Z{i}q{i}Z" for i, turn in enumerate(turns) if 0 < len(turn.content.strip()) < SHORT}
    if not signs:
        return
    marked = [turn._replace(content=signs.get(i, turn.content)) for i, turn in enumerate(turns)]
    try:
        written = _write(marked, row, tokenizer, template, generation=True)
    except rendering.TemplateStopped:
        raise
    except Exception:  # a template that takes these words and no others
        return
    for i, sign in signs.items():
        if sign not in written:
            yield Missing("left-out", f"prompt: words of the {turns[i].role}: {turns[i].content!r}")
