"""Token ids against TRL's own code: its preparation of a data set and its collator, on real rows."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from data_files import SHARED, bpe_tokenizer, needs_shared_data
from losslab_trainer.data import DataProblem, DataSpec, Message, PreferenceRow, load_preferences
from losslab_trainer.data.rows import plain_text
from losslab_trainer.data.tokenise import TokenisedPair, TokenisedPreferences, TokeniseOptions, tokenise
from trl_runs import trl_rows

pytestmark = pytest.mark.slow

SETS = ("alpaca_eval_gpt4_pairs", "hh_rlhf_harmless_test", "tldr_gpt4_pairs")
Truncation = Literal["keep_start", "keep_end"]


def real_rows(name: str, count: int = 40) -> list[PreferenceRow]:
    return list(load_preferences(DataSpec(str(SHARED / name / "test.jsonl.gz"), limit=count)).rows)


def trained_on(rows: list[PreferenceRow], *, begin: bool = False) -> Any:
    texts = [plain_text(text) for row in rows for text in (row.prompt, row.chosen, row.rejected)]
    return bpe_tokenizer(texts, begin=begin)


def as_json(text: Any) -> Any:
    return text if isinstance(text, str) else [message.to_json() for message in text]


def ours(pairs: tuple[TokenisedPair, ...]) -> list[Any]:
    found = []
    for pair in pairs:
        sides: list[list[int]] = []
        rejected_prompt = pair.prompt_ids if pair.rejected_prompt_ids is None else pair.rejected_prompt_ids
        for prompt, answer in ((pair.prompt_ids, pair.chosen_ids), (rejected_prompt, pair.rejected_ids)):
            sides += [[*prompt, *answer], [0] * len(prompt) + [1] * len(answer)]
        found.append(tuple(sides))
    return found


@needs_shared_data
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize(("max_length", "truncation"), [(None, "keep_start"), (300, "keep_start"), (120, "keep_end")])
def test_dialogues_have_the_ids_and_masks_of_trl(name: str, max_length: int | None, truncation: Truncation) -> None:
    rows = real_rows(name)
    tokenizer = trained_on(rows)
    raw = [{key: as_json(getattr(row, key)) for key in ("prompt", "chosen", "rejected")} for row in rows]
    result = tokenise(rows, tokenizer, TokeniseOptions(max_length=max_length, truncation=truncation))
    assert ours(result.pairs) == trl_rows(raw, tokenizer, max_length, truncation)
    assert len(result.pairs) + len(result.dropped) == len(rows)
    assert (result.truncated.pairs > 0) == (max_length is not None)
    if truncation == "keep_end":
        assert any(pair.rejected_prompt_ids is not None for pair in result.pairs)


@needs_shared_data
@pytest.mark.parametrize("begin", [False, True])
@pytest.mark.parametrize("separator", ["\n", " ", ""])
def test_plain_text_has_the_ids_of_trl_where_tokens_merge_too(begin: bool, separator: str) -> None:
    rows = [
        PreferenceRow(row.row, plain_text(row.prompt) + separator, plain_text(row.chosen), plain_text(row.rejected))
        for row in real_rows("alpaca_eval_gpt4_pairs")
    ]
    tokenizer = trained_on(rows, begin=begin)
    raw = [{"prompt": row.prompt, "chosen": row.chosen, "rejected": row.rejected} for row in rows]
    result = tokenise(rows, tokenizer, TokeniseOptions(max_length=300))
    assert ours(result.pairs) == trl_rows(raw, tokenizer, 300, "keep_start")
    assert all(pair.chosen_ids[-1] == tokenizer.eos_token_id or len(pair.chosen_ids) > 100 for pair in result.pairs)
    if separator == "":
        assert result.merged


@needs_shared_data
@pytest.mark.parametrize("plain", [True, False])
def test_an_implicit_prompt_is_split_off_where_trl_does(plain: bool, tmp_path: Any) -> None:
    import json  # noqa: PLC0415

    rows = real_rows("hh_rlhf_harmless_test")
    tokenizer = trained_on(rows)
    raw = []
    for row in rows:
        if plain:
            whole = [f"{plain_text(row.prompt)}\n\nA: {plain_text(side)}" for side in (row.chosen, row.rejected)]
            raw.append({"chosen": whole[0], "rejected": whole[1]})
        else:
            raw.append({"chosen": as_json(row.prompt + row.chosen), "rejected": as_json(row.prompt + row.rejected)})  # type: ignore[operator]
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in raw))
    loaded = load_preferences(DataSpec(str(file)))
    assert loaded.layout == ("implicit-plain" if plain else "implicit-conversational")
    assert not loaded.unusable
    result = tokenise(loaded.rows, tokenizer, TokeniseOptions(max_length=None))
    assert ours(result.pairs) == trl_rows(raw, tokenizer, None, "keep_start")


def dialogue(prompt: str, chosen: str, rejected: str, system: str | None = None, row: int = 0) -> PreferenceRow:
    opening = (Message("system", system),) if system else ()
    return PreferenceRow(
        row, (*opening, Message("user", prompt)), (Message("assistant", chosen),), (Message("assistant", rejected),)
    )


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return bpe_tokenizer(["what is it? it is this, or that; yes and no"], size=300)


def run(tokenizer: Any, template: str | None, *rows: PreferenceRow, **options: Any) -> TokenisedPreferences:
    return tokenise(list(rows), tokenizer, TokeniseOptions(chat_template=template, **options))


GOOD = dialogue("what?", "this", "that")
TURNS = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}</s>{% endfor %}"


@pytest.mark.parametrize(
    ("template", "system", "words"),
    [
        ("{% for m in messages %}{{ m['content'] }}\n{% endfor %}", None, "writes nothing after an answer"),
        (TURNS, None, "no generation prompt, so the answer would begin with '[assistant]'"),
        (TURNS + "{% if add_generation_prompt %}[assistant] <think>{% endif %}", None, "is not the beginning"),
        ("{% for m in messages %}x{% endfor %}", None, "leaves out what the messages say"),
        (
            "{{ messages[0]['content'] }}{% for m in messages[1:] %}{{ boom() }}{% endfor %}",
            None,
            "cannot write one question",
        ),
        (
            "{% for m in messages if m['role'] != 'system' %}[{{ m['role'] }}] {{ m['content'] }}</s>{% endfor %}"
            "{% if add_generation_prompt %}[assistant] {% endif %}",
            "be brief",
            "leaves them out",
        ),
        (
            "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}"
            + TURNS
            + "{% if add_generation_prompt %}[assistant] {% endif %}",
            "be brief",
            "refuses them (no system here)",
        ),
    ],
)
def test_a_doubtful_template_is_a_question_with_choices(
    tokenizer: Any, template: str, system: str | None, words: str
) -> None:
    with pytest.raises(DataProblem) as problem:
        run(tokenizer, template, dialogue("what?", "this", "that", system=system))
    assert words in str(problem.value)
    assert "`chatml` (the model's vocabulary has its markers)" in str(problem.value)
    assert "--accept-template" in str(problem.value)


def test_a_doubtful_template_is_used_when_it_is_accepted(tokenizer: Any) -> None:
    (pair,) = run(tokenizer, TURNS, GOOD, accept_template=True).pairs
    assert tokenizer.decode(pair.chosen_ids) == "[assistant] this</s>"


def test_a_missing_template_is_a_question_with_choices(tokenizer: Any) -> None:
    tokenizer = bpe_tokenizer(["some words"], size=300)
    tokenizer.chat_template = None
    with pytest.raises(DataProblem, match=r"has no chat template.*--chat-template: `chatml`.*a file"):
        run(tokenizer, None, GOOD)
    (pair,) = run(tokenizer, "chatml", GOOD).pairs
    assert tokenizer.decode(pair.prompt_ids) == "<|im_start|>user\nwhat?<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(pair.chosen_ids) == "this<|im_end|>\n"
    with pytest.raises(DataProblem, match="no chat template 'nowhere'"):
        run(tokenizer, "nowhere", GOOD)


def test_a_template_that_ends_the_question_instead_of_opening_the_answer_is_not_doubtful(tokenizer: Any) -> None:
    template = (
        "{% for m in messages %}{% if m['role'] == 'user' %}[Q] {{ m['content'] }} [/Q]"
        "{% else %} {{ m['content'] }}</s>{% endif %}{% endfor %}"
    )
    (pair,) = run(tokenizer, template, GOOD).pairs
    assert tokenizer.decode(pair.chosen_ids) == " this</s>"


def test_a_row_that_the_template_refuses_is_named_and_the_others_stay(tokenizer: Any) -> None:
    template = (
        "{% for m in messages %}{% if loop.index0 > 0 and messages[loop.index0 - 1]['role'] == m['role'] %}"
        "{{ raise_exception('turns must alternate') }}{% endif %}[{{ m['role'] }}] {{ m['content'] }}</s>{% endfor %}"
        "{% if add_generation_prompt %}[assistant] {% endif %}"
    )
    twice = PreferenceRow(7, (Message("user", "a"), Message("user", "b")), GOOD.chosen, GOOD.rejected)
    result = run(tokenizer, template, GOOD, twice)
    assert [pair.row for pair in result.pairs] == [0]
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(7, "malformed")]
    assert "turns must alternate" in result.dropped[0].explanation
    long = template.replace("'turns must alternate'", "'not\\nthis: ' ~ 'x' * 100000")
    explanation = run(tokenizer, long, GOOD, twice).dropped[0].explanation
    assert "not this: xxx" in explanation and len(explanation) < 300


def test_what_is_cut_is_counted(tokenizer: Any) -> None:
    long = dialogue("what?", "this " * 40, "that", row=3)
    full = dialogue("what? " * 40, "this", "that", row=4)
    result = run(tokenizer, None, GOOD, long, full, max_length=40)
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(4, "too-long")]
    assert (result.truncated.pairs, result.truncated.chosen, result.truncated.rejected) == (1, 1, 0)
    assert result.cut == {3: result.truncated.tokens}
    whole = run(tokenizer, None, long, max_length=None).pairs[0]
    assert result.truncated.tokens == len(whole.prompt_ids) + len(whole.chosen_ids) - 40


def test_a_tokenizer_without_an_end_is_refused_for_plain_text() -> None:
    tokenizer = bpe_tokenizer(["some words"], size=300)
    tokenizer.eos_token = None
    with pytest.raises(DataProblem, match="no end-of-sequence token"):
        run(tokenizer, None, PreferenceRow(0, "a", "b", "c"))
