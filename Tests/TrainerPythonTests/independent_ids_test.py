"""Token ids and trained positions of every layout, template and tokenizer, held to transformers and to TRL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("torch")

from finetune_models import write_rows  # noqa: E402
from independent_checkpoints import END, TEMPLATES, TOKENIZERS, trained_tokenizer  # noqa: E402
from independent_computation import Dialogue, Sides, dialogues, of_dialogue, of_plain  # noqa: E402
from losslab_trainer.data import DataProblem, DataSpec, load_preferences  # noqa: E402
from losslab_trainer.data.tokenise import TokeniseOptions, tokenise  # noqa: E402
from trl_runs import trl_rows  # noqa: E402

DIALOGUES = dialogues(24)
Write = Callable[[Dialogue], dict[str, Any]]


def answered(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def turns(dialogue: Dialogue, answer: str) -> list[dict[str, str]]:
    return [*dialogue.prompt, *answered(answer)]


def raw(dialogue: Dialogue, answer: str) -> str:
    names = {"user": "Human", "assistant": "Assistant"}
    return "".join(f"\n\n{names[turn['role']]}: {turn['content']}" for turn in turns(dialogue, answer))


def sides(dialogue: Dialogue, write: Callable[[Dialogue, str], Any]) -> dict[str, Any]:
    return {"chosen": write(dialogue, dialogue.chosen), "rejected": write(dialogue, dialogue.rejected)}


def alone(_: Dialogue, answer: str) -> list[dict[str, str]]:
    return answered(answer)


def as_text(_: Dialogue, answer: str) -> str:
    return answer


# How a dialogue is written down in each layout, and whether it holds one question only.
LAYOUTS: dict[str, tuple[Write, bool]] = {
    "explicit-conversational": (lambda d: {"prompt": list(d.prompt), **sides(d, alone)}, False),
    "implicit-conversational": (lambda d: sides(d, turns), False),
    "repeated-prompt": (lambda d: {"prompt": list(d.prompt), **sides(d, turns)}, False),
    "message-prompt": (lambda d: {"prompt": list(d.prompt), **sides(d, as_text)}, False),
    "anthropic-hh": (lambda d: sides(d, raw), False),
    "text-prompt": (lambda d: {"prompt": d.asked, **sides(d, alone)}, True),
    "ultrafeedback": (lambda d: {"prompt": d.asked, **sides(d, turns)}, True),
    "text-as-turns": (lambda d: {"prompt": d.asked, **sides(d, as_text)}, True),
    "alpaca": (lambda d: {"instruction": d.asked, **sides(d, as_text)}, True),
    "alpaca-eval": (
        lambda d: {"instruction": d.asked, "output_1": d.rejected, "output_2": d.chosen, "preference": 2},
        True,
    ),
}
CHOSEN = {"text-as-turns", "alpaca"}  # layouts that are named, since their rows could be plain text


def found(path: Path, rows: list[dict[str, Any]], tokenizer: Any, layout: str, **options: Any) -> list[Sides]:
    """Prompt, chosen and rejected ids as our code reads them from a file."""
    write_rows(path, rows)
    loaded = load_preferences(DataSpec(str(path), layout=layout if layout in CHOSEN else None))
    assert (loaded.layout, loaded.unusable) == (layout, ())
    result = tokenise(loaded.rows, tokenizer, TokeniseOptions(max_length=None, **options))
    assert not result.dropped and not any(pair.rejected_prompt_ids for pair in result.pairs)
    return [(list(pair.prompt_ids), list(pair.chosen_ids), list(pair.rejected_ids)) for pair in result.pairs]


@pytest.fixture(scope="module", params=TOKENIZERS, ids=["-adds ".join(names) for names in TOKENIZERS])
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return trained_tokenizer(*request.param)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_layout_of_a_dialogue_has_the_ids_of_the_chat_template(
    tokenizer: Any, template: str, tmp_path: Path
) -> None:
    tokenizer.chat_template, end = TEMPLATES[template]
    end_id = tokenizer.convert_tokens_to_ids(end)
    for layout, (write, one_question) in LAYOUTS.items():
        told = [dialogue for dialogue in DIALOGUES if dialogue.is_short or not one_question]
        expected = [of_dialogue(tokenizer, dialogue) for dialogue in told]
        assert found(tmp_path / f"{layout}.jsonl", [write(d) for d in told], tokenizer, layout) == expected, layout
        for dialogue, (prompt, *answers) in zip(told, expected, strict=True):
            # What is trained is the answer and the end of its turn, no word of the prompt.
            assert end_id in answers[0] and end_id in answers[1]
            assert dialogue.asked.split()[-1] in tokenizer.decode(prompt)
            for answer, text in zip(answers, (dialogue.chosen, dialogue.rejected), strict=True):
                spoken = tokenizer.decode(answer[: answer.index(end_id)]).split()
                assert spoken == text.split() or tokenizer.unk_token_id in answer


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_that_is_given_writes_as_the_tokenizers_own(tokenizer: Any, template: str, tmp_path: Path) -> None:
    tokenizer.chat_template = None
    text = TEMPLATES[template][0]
    write, _ = LAYOUTS["explicit-conversational"]
    rows = [write(dialogue) for dialogue in DIALOGUES]
    ids = found(tmp_path / "rows.jsonl", rows, tokenizer, "explicit-conversational", chat_template=text)
    assert ids == [of_dialogue(tokenizer, dialogue, text) for dialogue in DIALOGUES]


PLAIN: dict[str, Callable[[str, str, str], dict[str, Any]]] = {
    "explicit-plain": lambda prompt, chosen, rejected: {"prompt": prompt, "chosen": chosen, "rejected": rejected},
    "implicit-plain": lambda prompt, chosen, rejected: {"chosen": prompt + chosen, "rejected": prompt + rejected},
}


def plain_texts(border: str) -> list[tuple[str, str, str]]:
    """Answers that differ from their first letter, so that the common beginning is the prompt."""
    return [(d.asked + border, f"x{d.chosen}", f"y{d.rejected}") for d in DIALOGUES]


@pytest.mark.parametrize("border", ["\n", ": ", ""], ids=["line", "space", "nothing"])
@pytest.mark.parametrize("layout", PLAIN)
def test_plain_text_has_the_ids_of_the_text_with_one_end(
    tokenizer: Any, layout: str, border: str, tmp_path: Path
) -> None:
    tokenizer.chat_template = None
    told = plain_texts(border)
    ids = found(tmp_path / "rows.jsonl", [PLAIN[layout](*texts) for texts in told], tokenizer, layout)
    if layout == "implicit-plain" and border.endswith(" "):  # TRL's rule: a space belongs to the answer
        told = [(prompt[:-1], f" {chosen}", f" {rejected}") for prompt, chosen, rejected in told]
    assert ids == [of_plain(tokenizer, *texts) for texts in told]
    end = tokenizer.eos_token_id
    assert all(answer.count(end) == 1 and answer[-1] == end for _, *answers in ids for answer in answers)


def as_trl(pairs: list[Sides]) -> list[Any]:
    """As TRL's collator gives them: ids and the mask of what is trained, for each side."""
    return [
        (*(prompt + chosen, [0] * len(prompt) + [1] * len(chosen)),
         *(prompt + rejected, [0] * len(prompt) + [1] * len(rejected)))
        for prompt, chosen, rejected in pairs
    ]  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_trl_makes_the_same_of_dialogues(tokenizer: Any, template: str) -> None:
    pytest.importorskip("trl")
    tokenizer.chat_template = TEMPLATES[template][0]
    write, _ = LAYOUTS["explicit-conversational"]
    expected = as_trl([of_dialogue(tokenizer, dialogue) for dialogue in DIALOGUES])
    assert trl_rows([write(dialogue) for dialogue in DIALOGUES], tokenizer) == expected


def cut(prompt: list[int], answer: list[int], length: int, end: bool) -> tuple[list[int], list[int]]:
    """A whole sequence and its mask, of which the first or the last tokens are kept."""
    ids, mask = prompt + answer, [0] * len(prompt) + [1] * len(answer)
    return (ids[-length:], mask[-length:]) if end else (ids[:length], mask[:length])


@pytest.mark.parametrize("truncation", ["keep_start", "keep_end"])
def test_what_is_too_long_is_cut_as_trl_cuts_it(tokenizer: Any, truncation: Any, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    tokenizer.chat_template = TEMPLATES["headers"][0]
    write, _ = LAYOUTS["explicit-conversational"]
    pairs = [of_dialogue(tokenizer, dialogue) for dialogue in DIALOGUES]
    length = sorted(len(prompt) for prompt, *_ in pairs)[len(pairs) // 2]  # half of the prompts fill it
    kept = [i for i, (prompt, *_) in enumerate(pairs) if truncation == "keep_end" or len(prompt) < length]
    expected = []
    for i in kept:
        prompt, *answers = pairs[i]
        expected.append(sum((cut(prompt, answer, length, truncation == "keep_end") for answer in answers), ()))
    rows = [write(dialogue) for dialogue in DIALOGUES]
    assert trl_rows(rows, tokenizer, length, truncation) == expected
    loaded = load_preferences(DataSpec(str(write_rows(tmp_path / "rows.jsonl", rows))))
    result = tokenise(loaded.rows, tokenizer, TokeniseOptions(max_length=length, truncation=truncation))
    found = {}
    for pair in result.pairs:
        prompts = (pair.prompt_ids, pair.prompt_ids if pair.rejected_prompt_ids is None else pair.rejected_prompt_ids)
        whole = zip(prompts, (pair.chosen_ids, pair.rejected_ids), strict=True)
        found[pair.row] = sum((cut(list(p), list(a), length, False) for p, a in whole), ())
    # Sides that are the same after the cut are left out here, and trained on by TRL.
    same = {i for i, sides in zip(kept, expected, strict=True) if sides[:2] == sides[2:]}
    assert found == {i: sides for i, sides in zip(kept, expected, strict=True) if i not in same}
    assert len(found) > 5 and {drop.row for drop in result.dropped} == set(range(len(rows))) - set(found)


def test_trl_makes_the_same_of_plain_text_unless_the_tokenizer_ends_texts_itself(tokenizer: Any) -> None:
    pytest.importorskip("trl")
    tokenizer.chat_template = None
    told = plain_texts("\n")
    theirs = trl_rows([PLAIN["explicit-plain"](*texts) for texts in told], tokenizer)
    ours = as_trl([of_plain(tokenizer, *texts) for texts in told])
    end = tokenizer.eos_token_id
    if tokenizer("a").input_ids[-1] != end:
        assert theirs == ours
        return
    # A difference: TRL writes the end as text and the tokenizer writes it again, so that answers have two.
    for (chosen, mask, *_), (our_chosen, our_mask, *_) in zip(theirs, ours, strict=True):
        assert (chosen, mask) == ([*our_chosen, end], [*our_mask, 1])


def test_trl_begins_a_prompt_twice_that_brings_its_beginning(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    tokenizer = trained_tokenizer("bpe", "begin")
    texts = ("<s>a cat", " runs", " sees")
    row = PLAIN["explicit-plain"](*texts)
    begin = tokenizer.bos_token_id
    assert trl_rows([row], tokenizer)[0][0][:2] == [begin, begin]
    ids = found(tmp_path / "rows.jsonl", [row], tokenizer, "explicit-plain")
    assert ids == [of_plain(tokenizer, "a cat", *texts[1:])] and ids[0][0].count(begin) == 1


def test_trl_trains_on_sides_that_are_the_same_after_the_cut(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    tokenizer = trained_tokenizer("bpe")
    row = PLAIN["explicit-plain"]("a cat", " runs so often", " runs so never")
    length = len(tokenizer("a cat runs so").input_ids)
    (theirs,) = trl_rows([row], tokenizer, length)
    assert theirs[:2] == theirs[2:] and 1 in theirs[1]
    loaded = load_preferences(DataSpec(str(write_rows(tmp_path / "rows.jsonl", [row]))))
    result = tokenise(loaded.rows, tokenizer, TokeniseOptions(max_length=length))
    assert not result.pairs and result.dropped[0].reason == "identical"


def test_trl_trains_on_what_a_template_leaves_out(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    tokenizer = trained_tokenizer("bpe")
    tokenizer.chat_template = TEMPLATES["chatml"][0].replace(
        "{{ message['content'] }}", "{{ message['content'][:24] }}"
    )
    write, _ = LAYOUTS["explicit-conversational"]
    row = write(Dialogue(({"role": "user", "content": "why"},), "the cat runs so often and never", "a dog"))
    assert " never" not in tokenizer.decode(trl_rows([row], tokenizer)[0][0])
    loaded = load_preferences(DataSpec(str(write_rows(tmp_path / "rows.jsonl", [row]))))
    with pytest.raises(DataProblem, match="leaves something out of 1 of 1 rows"):
        tokenise(loaded.rows, tokenizer, TokeniseOptions())


def test_an_end_that_the_text_brings_is_the_only_one(tmp_path: Path) -> None:
    tokenizer = trained_tokenizer("unigram", "both")
    row = PLAIN["explicit-plain"]("a cat", f" runs{END}", " sees")
    ids = found(tmp_path / "rows.jsonl", [row], tokenizer, "explicit-plain")
    assert ids == [of_plain(tokenizer, "a cat", " runs", " sees")]
