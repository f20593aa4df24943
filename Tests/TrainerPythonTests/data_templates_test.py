"""Published chat templates, as TRL carries them: what is trained on holds every word of a row, or something is said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trl
from data_files import bpe_tokenizer
from losslab_trainer.data import DataProblem
from losslab_trainer.data.parsing import parse
from losslab_trainer.data.rows import PreferenceRow
from losslab_trainer.data.tokenise import TokenisedPair, TokeniseOptions, tokenise

pytestmark = pytest.mark.slow

FOLDER = Path(trl.__file__).parent / "chat_templates"
PUBLISHED = sorted(path.stem for path in FOLDER.glob("*.jinja"))
SPECIAL = re.compile(r"<[|\uff5c][^<>\s'\"]{1,30}[|\uff5c]>|</?s>|<(?:start|end)_of_turn>|<eos>|<turn\|>")

TOOL = {"type": "function", "function": {"name": "look_up", "description": "finds", "parameters": {"type": "object"}}}
CALL = {"type": "function", "id": "abcdefghi", "function": {"name": "look_up", "arguments": '{"what": "lake"}'}}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **fields}


ASKED = user("which fish?")
CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "one turn": ([ASKED], said("a carp")),
    "system": ([{"role": "system", "content": "be brief"}, ASKED], said("a carp")),
    "turns": ([user("which bird?"), said("a robin"), ASKED], said("a carp")),
    "developer": ([{"role": "developer", "content": "be brief"}, ASKED], said("a carp")),
    "earlier thought": ([user("which bird?"), said("<think>\nit flies\n</think>\n\na robin"), ASKED], said("a carp")),
    "thought": ([ASKED], said("<think>\nit swims\n</think>\n\na carp")),
    "reasoning": ([ASKED], said("a carp", reasoning_content="it swims")),
    "tool": ([ASKED, said("I look", tool_calls=[CALL]), {"role": "tool", "content": "a list"}], said("a carp")),
    "call": ([ASKED], said("I look", tool_calls=[CALL])),
}
# Templates that write these dialogues whole, in words that were looked at.
WHOLE = {
    "llama3": {"one turn", "system", "turns", "developer", "thought", "earlier thought"},
    "llama3_1": {"one turn", "system", "turns", "developer", "thought", "earlier thought"},
    "qwen2_5": {"one turn", "system", "turns", "thought", "earlier thought", "call", "tool"},
    "qwen3": {"one turn", "system", "turns", "thought", "reasoning", "call", "tool"},
    "qwen3_5_think": {"one turn", "system", "turns", "thought", "reasoning"},
    "gemma": {"one turn", "turns", "thought", "earlier thought"},
    "gemma3": {"one turn", "system", "turns", "thought", "earlier thought"},
    "phi3": {"one turn", "system", "turns", "thought", "earlier thought"},
}


def row_of(case: str) -> PreferenceRow:
    prompt, chosen = CASES[case]
    raw = {"prompt": prompt, "chosen": [chosen], "rejected": [chosen | {"content": f"{chosen['content']}, or a pike"}]}
    return parse(0, raw | ({"tools": [TOOL]} if case in {"tool", "call"} else {}), "explicit-conversational")


def words(value: Any) -> Iterator[str]:
    """Every text of a message that is no pointer, without the marks of thoughts."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name not in {"role", "type", "id"}:
                yield from words(json.loads(part) if name == "arguments" else part)
    elif isinstance(value, list):
        for part in value:
            yield from words(part)
    else:
        yield from (part.strip() for part in re.split(r"</?think>", value) if part.strip())


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Any]:
    found = {}
    for name in PUBLISHED:
        template = (FOLDER / f"{name}.jinja").read_text("utf-8")
        found[name] = bpe_tokenizer(["which fish? a carp, or a pike"], size=300)
        found[name].add_special_tokens({"additional_special_tokens": sorted(set(SPECIAL.findall(template)))})
        found[name].chat_template = template
    return found


def without_a_word(tokenizer: Any, case: str) -> TokenisedPair | None:
    """The pair, where it is used and nothing is said about it."""
    try:
        result = tokenise([row_of(case)], tokenizer, TokeniseOptions(max_length=None))
    except DataProblem:
        return None
    return result.pairs[0] if result.pairs and not result.left_out else None


@pytest.mark.parametrize("case", CASES)
def test_what_is_used_without_a_word_holds_every_word(tokenizers: dict[str, Any], case: str) -> None:
    prompt, chosen = CASES[case]
    used = 0
    for name, tokenizer in tokenizers.items():
        pair = without_a_word(tokenizer, case)
        if pair is None:
            continue
        used += 1
        read, trained = tokenizer.decode(pair.prompt_ids), tokenizer.decode(pair.chosen_ids)
        assert [text for text in words(prompt) if text not in read] == [], name
        assert [text for text in words(chosen) if text not in trained] == [], name
        assert [text for text in words(prompt) if text in trained] == [], name
    assert used > 0


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in WHOLE.items() for case in sorted(cases)])
def test_a_template_that_writes_a_dialogue_whole_is_used_without_a_word(
    tokenizers: dict[str, Any], name: str, case: str
) -> None:
    assert without_a_word(tokenizers[name], case) is not None
