"""One beginning and one end of a sequence, whatever tokenizer, template and text bring along; sampling as training."""

from __future__ import annotations

from typing import Any

import pytest
from data_files import bpe_tokenizer
from losslab_trainer.data import DataProblem, Message, PreferenceRow
from losslab_trainer.data.template import chosen_template
from losslab_trainer.data.tokenise import TokenisedPair, TokeniseOptions, tokenise
from losslab_trainer.finetune.generation import prompt_ids
from tokenizers import Tokenizer
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

pytestmark = pytest.mark.slow

BEGIN, END = 1, 2  # <s> and </s>
WORDS = ["which fish? a carp, or a pike; and which bird?"]


def made(*, begin: bool = False, end: bool = False) -> Any:
    return bpe_tokenizer(WORDS, size=300, begin=begin, end=end)


def plain(tokenizer: Any, prompt: str, chosen: str = " a carp", rejected: str = " a pike") -> TokenisedPair:
    tokenizer.chat_template = None
    (pair,) = tokenise([PreferenceRow(0, prompt, chosen, rejected)], tokenizer, TokeniseOptions()).pairs
    return pair


def dialogue(tokenizer: Any, template: str | None, prompt: str = "which fish?") -> TokenisedPair:
    turns = (Message("user", prompt),), (Message("assistant", "a carp"),), (Message("assistant", "a pike"),)
    result = tokenise([PreferenceRow(0, *turns)], tokenizer, TokeniseOptions(chat_template=template))
    assert not result.merged
    (pair,) = result.pairs
    return pair


@pytest.mark.parametrize("begin", [False, True])
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("spelled", ["", "</s>"])
def test_a_plain_answer_has_one_end_and_its_prompt_none(begin: bool, end: bool, spelled: str) -> None:
    tokenizer = made(begin=begin, end=end)
    pair = plain(tokenizer, "which fish?", f" a carp{spelled}")
    for ids in (pair.chosen_ids, pair.rejected_ids):
        assert [i for i in ids if i == END] == [END]
        assert ids[-1] == END
    assert END not in pair.prompt_ids
    assert tokenizer.decode(pair.chosen_ids) == " a carp</s>"


@pytest.mark.parametrize("begin", [False, True])
@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("prompt", ["which fish?", "<s>which fish?"])
def test_a_plain_prompt_has_one_beginning_and_is_sampled_from_as_it_is_trained(
    begin: bool, end: bool, prompt: str
) -> None:
    tokenizer = made(begin=begin, end=end)
    pair = plain(tokenizer, prompt)
    begins = begin or prompt.startswith("<s>")
    assert [i for i in pair.prompt_ids if i == BEGIN] == [BEGIN] * begins
    assert prompt_ids(tokenizer, [{"role": "user", "content": prompt}]) == list(pair.prompt_ids)


@pytest.mark.parametrize("template", ["chatml", "zephyr"])
@pytest.mark.parametrize("begin", [False, True])
def test_a_built_in_template_begins_as_the_tokenizer_begins_every_text(template: str, begin: bool) -> None:
    tokenizer = made(begin=begin)
    pair = dialogue(tokenizer, template)
    assert [i for i in pair.prompt_ids if i == BEGIN] == [BEGIN] * begin
    assert (pair.prompt_ids[0] == BEGIN) == begin
    tokenizer.chat_template = chosen_template(tokenizer, template)  # as the trainer leaves it for sampling and saving
    assert prompt_ids(tokenizer, [{"role": "user", "content": "which fish?"}]) == list(pair.prompt_ids)


def test_a_dialogue_that_brings_the_beginning_that_its_template_writes_has_one() -> None:
    tokenizer = made(begin=True)
    template = (
        "{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'assistant' %}</s>"
        "{% else %}|{% endif %}{% endfor %}"
    )
    pair = dialogue(tokenizer, template, prompt="<s>which fish?")
    assert [i for i in pair.prompt_ids if i == BEGIN] == [BEGIN]


def test_a_template_whose_end_of_turn_is_no_token_of_the_model_is_doubtful() -> None:
    tokenizer = made()
    template = chosen_template(tokenizer, "chatml").replace("<|im_end|>", "<end>")
    with pytest.raises(DataProblem, match="ends an answer with '<end>', which is no token of the model's"):
        dialogue(tokenizer, template)


def test_plain_sides_that_end_in_the_same_tokens_are_no_pair() -> None:
    rows = [PreferenceRow(3, "which?", " a", " a</s>"), PreferenceRow(4, "which?", " a", " a pike")]
    result = tokenise(rows, made(), TokeniseOptions())
    assert [pair.row for pair in result.pairs] == [4]
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(3, "identical")]


def test_sides_that_the_template_writes_alike_are_no_pair() -> None:
    template = "{% for m in messages %}{{ m['content'].split('#')[0] }}</s>{% endfor %}"
    rows = [
        PreferenceRow(i, (Message("user", "?"),), (Message("assistant", chosen),), (Message("assistant", rejected),))
        for i, (chosen, rejected) in enumerate([("a#b", "a#c"), ("a", "a pike")])
    ]
    result = tokenise(rows, made(), TokeniseOptions(chat_template=template, accept_template=True))
    assert [pair.row for pair in result.pairs] == [1]
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(0, "identical")]


def test_text_that_becomes_a_control_token_is_told_of_rows_that_are_used() -> None:
    rows = [
        PreferenceRow(0, "which?", " a</s> carp", " a pike"),
        PreferenceRow(1, "which? <pad>" * 9, " a carp", " a pike"),
        PreferenceRow(2, "which?", " a carp", " a pike"),
    ]
    result = tokenise(rows, made(), TokeniseOptions(max_length=12))
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(1, "too-long")]
    assert [(f.row, f.reason, f.explanation) for f in result.left_out] == [
        (0, "special-token", "chosen contains '</s>'")
    ]


def test_a_vocabulary_of_few_letters_has_one_beginning_and_one_end_too() -> None:
    tokenizer = Tokenizer(BPE({token: i for i, token in enumerate(["<pad>", "<s>", "</s>", "x", "y", "z"])}, []))
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", BEGIN), ("</s>", END)])
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    assert fast("a", add_special_tokens=False)["input_ids"] == []
    pair = plain(fast, "x", "y", "z")
    assert (pair.prompt_ids, pair.chosen_ids, pair.rejected_ids) == ((1, 3), (4, 2), (5, 2))


def test_words_that_are_no_tokens_are_told() -> None:
    words = {word: i for i, word in enumerate(["<unk>", "<s>", "</s>", "which", "carp", "pike"])}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", eos_token="</s>")
    rows = [
        PreferenceRow(0, "which", " carp", " pike"),
        PreferenceRow(1, "which fish", " a carp", " pike"),
        PreferenceRow(2, "which", " trout", " salmon"),
    ]
    result = tokenise(rows, fast, TokeniseOptions())
    assert [(f.row, f.reason, f.explanation) for f in result.left_out] == [
        (1, "unknown-token", "1 tokens of prompt, 1 tokens of chosen are unknown words")
    ]
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(2, "identical")]


@pytest.mark.parametrize("truncation", ["keep_start", "keep_end"])
def test_sides_that_are_the_same_after_the_cut_are_no_pair(truncation: Any) -> None:
    tokenizer = made()
    long = " a carp and a pike" * 20
    sides = (long + " one", long + " two") if truncation == "keep_start" else ("one" + long, "two" + long)
    rows = [PreferenceRow(5, "which?", *sides), PreferenceRow(6, "which?", " a carp", " a pike")]
    result = tokenise(rows, tokenizer, TokeniseOptions(max_length=40, truncation=truncation))
    assert [pair.row for pair in result.pairs] == [6]
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(5, "identical")]
    assert "maximum of 40 tokens" in result.dropped[0].explanation
    assert len(tokenise(rows, tokenizer, TokeniseOptions(max_length=None)).pairs) == 2
