"""The inspect job: what a source of preference pairs holds, with every row that cannot be used and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losslab_trainer.data.account import unwritten_fields
from losslab_trainer.data.load import Preferences, load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import Finding, PreferenceRow, Text, plain_text
from losslab_trainer.data.showing import shown
from losslab_trainer.data.spec import DataSpec
from losslab_trainer.data.statistics import SharedPrompt, longer_wins, shared_prompts, spreads
from losslab_trainer.data.tokenise import TokenisedPreferences, TokeniseOptions, tokenise
from losslab_trainer.finetune.folder import check_folder, require_name
from losslab_trainer.finetune.problem import FinetuneProblem, first_line
from losslab_trainer.finetune.tokenizer import why_not

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

SHOWN_PROMPT = 200  # characters of a shared prompt


def inspect(job: Mapping[str, Any], context: Context | None = None) -> dict[str, object]:
    """The job's result; ``{"problem": sentence}`` where the source as a whole cannot be used."""
    try:
        return _inspect(job)
    except (DataProblem, FinetuneProblem) as problem:
        return {"problem": str(problem)}


def _inspect(job: Mapping[str, Any]) -> dict[str, object]:
    spec = DataSpec.from_json(job["data"])
    preferences = load_preferences(spec)
    rows = list(preferences.rows)
    unusable, flagged = list(preferences.unusable), list(preferences.flagged)
    tokens: dict[str, object] | None = None
    as_trained: list[dict[str, object]] = []
    if job.get("tokenizer") and rows:
        tokenizer = load_tokenizer(job["tokenizer"])
        options = _options(job)
        tokenised = tokenise(rows, tokenizer, options)
        unusable += tokenised.dropped
        dropped = {finding.row for finding in tokenised.dropped}
        rows = [row for row in rows if row.row not in dropped]
        flagged = [finding for finding in flagged if finding.row not in dropped]
        flagged += [*tokenised.merged, *tokenised.left_out]
        flagged += _cut(tokenised, options)
        tokens = _tokens(tokenised, options)
        wanted = {row.row for row in _samples(rows, job.get("show") or 0)}
        as_trained = [shown(pair, tokenizer) for pair in tokenised.pairs if pair.row in wanted]
    compared, shared, notes = _compare(spec, preferences, rows, job.get("compare") or [])
    flagged += [
        Finding(row, "shared-prompt", f"also in {prompt.other}, row {prompt.other_rows[0]}")
        for prompt in shared
        for row in prompt.rows
    ]
    return {
        "name": preferences.name,
        "layout": preferences.layout,
        "rows": preferences.total,
        "usable": len(rows),
        "unusable": [finding.to_json() for finding in sorted(unusable, key=lambda finding: finding.row)],
        "flagged": [finding.to_json() for finding in sorted(flagged, key=lambda finding: finding.row)],
        "lengths": {"unit": "characters", **spreads(_lengths(rows))},
        "tokens": tokens,
        "longerWins": longer_wins(rows),
        "compared": compared,
        "sharedPrompts": [_shared_json(prompt) for prompt in shared],
        "unusedColumns": [asdict(column) for column in preferences.unused],
        "samples": [_sample_json(row) for row in _samples(rows, job.get("samples", 3))],
        "asTrained": as_trained,
        "notes": [*preferences.notes, *unwritten_fields(flagged), *notes],
    }


def load_tokenizer(path: str) -> Any:
    """A model folder's tokenizer, or that of a Hub model. Raises DataProblem and FinetuneProblem."""
    require_name(Path(path))
    if Path(path).is_dir():
        check_folder(Path(path), f"tokenizer {path}", weights=False)
    from transformers import AutoTokenizer  # noqa: PLC0415 (takes a second)

    try:
        return AutoTokenizer.from_pretrained(path, trust_remote_code=False)
    except Exception as error:  # files of every kind of damage
        if Path(path).is_dir():
            raise DataProblem(f"{path} holds no tokenizer that can be used: {why_not(Path(path), error)}") from None
        raise DataProblem(f"{path} is no folder with a tokenizer, nor a Hub model here: {first_line(error)}") from None


def _options(job: Mapping[str, Any]) -> TokeniseOptions:
    truncation = job.get("truncation") or "keep_start"
    if truncation not in {"keep_start", "keep_end"}:
        raise DataProblem(f"truncation is keep_start or keep_end, not {truncation!r}")
    return TokeniseOptions(
        max_length=job.get("maxLength"),
        max_prompt_length=job.get("maxPromptLength"),
        truncation="keep_end" if truncation == "keep_end" else "keep_start",
        chat_template=job.get("chatTemplate"),
        accept_template=bool(job.get("acceptTemplate")),
    )


def _lengths(rows: Sequence[PreferenceRow]) -> dict[str, Any]:
    return {
        "prompt": [len(plain_text(row.prompt)) for row in rows],
        "chosen": [len(plain_text(row.chosen)) for row in rows],
        "rejected": [len(plain_text(row.rejected)) for row in rows],
    }


def _tokens(tokenised: TokenisedPreferences, options: TokeniseOptions) -> dict[str, object]:
    """After truncation."""
    pairs = tokenised.pairs
    longest = [len(pair.prompt_ids) + max(len(pair.chosen_ids), len(pair.rejected_ids)) for pair in pairs]
    counts: dict[str, Any] = {
        "prompt": [len(pair.prompt_ids) for pair in pairs],
        "chosen": [len(pair.chosen_ids) for pair in pairs],
        "rejected": [len(pair.rejected_ids) for pair in pairs],
        "longer": longest,
    }
    return {
        **spreads(counts),
        "maxLength": options.max_length,
        "truncated": asdict(tokenised.truncated),
        "dropped": len(tokenised.dropped),
        "merged": len(tokenised.merged),
    }


def _cut(tokenised: TokenisedPreferences, options: TokeniseOptions) -> list[Finding]:
    return [
        Finding(row, "truncated", f"{tokens} tokens beyond {options.max_length}")
        for row, tokens in tokenised.cut.items()
    ]


def _compare(
    spec: DataSpec, preferences: Preferences, rows: Sequence[PreferenceRow], others: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, object]], list[SharedPrompt], list[str]]:
    """Prompts shared with the sets named, or with the other splits of the same folder."""
    specs = [DataSpec.from_json(other) for other in others]
    own = not specs and Path(spec.path).is_dir()
    if own:
        specs = [replace(spec, split=split, limit=None) for split in preferences.other_splits]
    compared: list[dict[str, object]] = []
    shared: list[SharedPrompt] = []
    notes: list[str] = []
    for other in specs:
        try:
            loaded = load_preferences(other)
        except DataProblem as problem:
            if not own:
                raise
            notes.append(f"the split {other.split} was not compared: {problem}")
            continue
        found = shared_prompts(rows, loaded.name, loaded.rows)
        shared += found
        compared.append({"name": loaded.name, "usable": len(loaded.rows), "shared": len(found)})
    return compared, shared, notes


def _samples(rows: Sequence[PreferenceRow], count: int) -> list[PreferenceRow]:
    """The first, the last and those between, evenly."""
    count = min(count, len(rows))
    if count <= 1:
        return list(rows[:count])
    return [rows[round(i * (len(rows) - 1) / (count - 1))] for i in range(count)]


def _sample_json(row: PreferenceRow) -> dict[str, object]:
    return {
        "row": row.row,
        "prompt": _text_json(row.prompt),
        "chosen": _text_json(row.chosen),
        "rejected": _text_json(row.rejected),
    }


def _text_json(text: Text) -> list[dict[str, object]]:
    """Messages; plain text is one message without a role."""
    if isinstance(text, str):
        return [{"role": "", "content": text}]
    return [
        {"role": message.role, "content": message.content, **({"fields": message.fields} if message.fields else {})}
        for message in text
    ]


def _shared_json(shared: SharedPrompt) -> dict[str, object]:
    return {
        "prompt": shared.prompt[:SHOWN_PROMPT],
        "rows": list(shared.rows),
        "in": shared.other,
        "inRows": list(shared.other_rows),
    }
