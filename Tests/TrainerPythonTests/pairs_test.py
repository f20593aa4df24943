"""Preference pairs: reading, tokenising as TRL does, and how a batch lies in memory."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import torch
from losslab_trainer.batches import bucketed_order, make_batch
from losslab_trainer.pairs import PairSet, read_pairs, tokenize_pairs
from losslab_trainer.training import draw_pairs
from tiny_policy import random_pairs, tiny_tokenizer

pytestmark = pytest.mark.slow


def pair(prompt: str, chosen: str, rejected: str) -> dict[str, list[dict[str, str]]]:
    return {
        "prompt": [{"role": "user", "content": prompt}],
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
    }


def test_gzipped_and_plain_files_give_the_same_rows(tmp_path: Path) -> None:
    rows = random_pairs(3)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "pairs.jsonl").write_text(text)
    (tmp_path / "pairs.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    assert read_pairs(tmp_path / "pairs.jsonl") == read_pairs(tmp_path / "pairs.jsonl.gz") == rows


def test_completions_begin_after_the_generation_prompt_and_end_with_the_end_of_turn() -> None:
    tokenizer = tiny_tokenizer()
    (tokenized,) = tokenize_pairs(tokenizer, [pair("w1 w2", "w3", "w4 w5")])
    assert tokenizer.decode(tokenized.prompt) == "<user> w1 w2 <end> <assistant>"
    assert tokenizer.decode(tokenized.chosen) == "w3 <end>"
    assert tokenizer.decode(tokenized.rejected) == "w4 w5 <end>"


def test_long_pairs_are_cut_at_the_end_and_those_that_are_all_prompt_are_dropped() -> None:
    rows = [pair("w1", "w2 w3 w4", "w5"), pair("w1 w2 w3 w4 w5", "w6", "w7")]
    (tokenized,) = tokenize_pairs(tiny_tokenizer(), rows, max_length=6)
    assert len(tokenized.prompt) == 4
    assert len(tokenized.chosen) == 2
    assert len(tokenized.rejected) == 2


def test_the_content_hash_changes_with_rows_truncation_and_vocabulary() -> None:
    rows = random_pairs(4)
    sets = [
        PairSet.of(tokenize_pairs(tokenizer, part, max_length))
        for tokenizer, part, max_length in (
            (tiny_tokenizer(), rows, None),
            (tiny_tokenizer(), rows[:3], None),
            (tiny_tokenizer(), rows, 12),
            (tiny_tokenizer(words=100), rows, None),
        )
    ]
    assert len({pairs.content_hash() for pairs in sets}) == 4
    assert sets[0].content_hash() == PairSet.of(tokenize_pairs(tiny_tokenizer(), rows)).content_hash()


def test_every_pair_is_in_one_batch_and_a_batch_holds_like_lengths() -> None:
    pairs = PairSet.of(tokenize_pairs(tiny_tokenizer(), random_pairs(300)))
    drawn = draw_pairs(len(pairs), 200, seed=3)
    batches = bucketed_order(pairs, drawn, 16, torch.Generator().manual_seed(1))
    assert sorted(torch.cat(batches).tolist()) == sorted(drawn.tolist())
    assert len(set(drawn.tolist())) == 200
    again = bucketed_order(pairs, drawn, 16, torch.Generator().manual_seed(1))
    assert [b.tolist() for b in batches] == [b.tolist() for b in again]
    other = bucketed_order(pairs, drawn, 16, torch.Generator().manual_seed(2))
    assert [b.tolist() for b in batches] != [b.tolist() for b in other]
    places = sum(make_batch(pairs, batch, packed=True).ids.numel() for batch in batches)
    as_drawn = torch.split(drawn, 16)
    unsorted = sum(make_batch(pairs, batch, packed=True).ids.numel() for batch in as_drawn)
    assert places < 0.95 * unsorted


def test_a_packed_batch_encodes_prompts_once_and_keeps_completions_apart() -> None:
    pairs = PairSet.of(tokenize_pairs(tiny_tokenizer(), [pair("w1", "w2 w3", "w4"), pair("w5 w6", "w7", "w8")]))
    batch = make_batch(pairs, torch.arange(2), packed=True)
    words = tiny_tokenizer().convert_ids_to_tokens
    assert words(batch.ids[0].tolist()) == ["<pad>", "<user>", "w1", "<end>", "<assistant>", "w2", "w3", "w4"]
    assert batch.position_ids[0].tolist() == [0, 0, 1, 2, 3, 4, 5, 4]
    seen_from_w4 = batch.mask[0, 7].tolist()
    assert seen_from_w4 == [False, True, True, True, True, False, False, True]
    assert words(batch.targets.tolist()) == ["w2", "w3", "<end>", "w7", "<end>", "w4", "<end>", "w8", "<end>"]
    assert batch.completions.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3]
    stacked = make_batch(pairs, torch.arange(2), packed=False)
    assert stacked.targets.tolist() == batch.targets.tolist()
    assert stacked.completions.tolist() == batch.completions.tolist()
