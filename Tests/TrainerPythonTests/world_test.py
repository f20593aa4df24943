"""The committed worlds: what the files promise, and that the builder that made them still makes the same questions."""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluation" / "microbench"))

from builder.dialogue import CATEGORIES
from builder.questions import draw_questions
from builder.rubric import score, turn_checks
from builder.settings import WORLDS
from builder.world_files import MICROBENCH, changed_files, read_json_lines, read_world, write_json_lines
from builder.writers import Writer

WITH_POLICY = [name for name, world in WORLDS.items() if world.has_policy]


def rows(world: str, file: str) -> list[dict[str, Any]]:
    return read_json_lines(MICROBENCH / world / file)


@pytest.mark.parametrize("name", WORLDS)
def test_every_file_has_the_recorded_hash(name: str) -> None:
    assert changed_files(MICROBENCH / name) == []


def test_all_worlds_together_are_small_enough_to_commit() -> None:
    size = sum(path.stat().st_size for name in WORLDS for path in (MICROBENCH / name).rglob("*") if path.is_file())
    assert size < 12e6


@pytest.mark.parametrize("name", WITH_POLICY)
def test_questions_are_distinct_and_ten_and_twenty_a_category(name: str) -> None:
    search, held_out = rows(name, "question.jsonl"), rows(name, "held_out.jsonl")
    assert Counter(row["category"] for row in search) == dict.fromkeys(CATEGORIES, 10)
    assert Counter(row["category"] for row in held_out) == dict.fromkeys(CATEGORIES, 20)
    everything = [*search, *held_out]
    assert len({row["question_id"] for row in everything}) == 240
    assert len({row["turns"][0] for row in everything}) == 240
    assert all(len(row["turns"]) == 2 for row in everything)


@pytest.mark.parametrize("name", WITH_POLICY)
def test_builder_draws_the_committed_questions_and_rubrics(name: str) -> None:
    design = WORLDS[name].design
    sets = draw_questions(design)
    assert [question.row(design) for question in sets.search] == rows(name, "question.jsonl")
    assert [question.row(design) for question in sets.held_out] == rows(name, "held_out.jsonl")
    assert [question.rubric_row(design) for question in [*sets.search, *sets.held_out]] == rows(name, "rubric.jsonl")


@pytest.mark.parametrize("name", WITH_POLICY)
def test_references_score_ten_and_weights_sum_to_one(name: str) -> None:
    rubric = {row["question_id"]: row["turns"] for row in rows(name, "rubric.jsonl")}
    for row in rows(name, "question.jsonl") + rows(name, "held_out.jsonl"):
        for turn, reference in zip(rubric[row["question_id"]], row["reference"], strict=True):
            assert sum(check["weight"] for check in turn["checks"]) == pytest.approx(1.0)
            assert score(turn["checks"], reference) == pytest.approx(10.0)


@pytest.mark.parametrize("name", WITH_POLICY)
def test_every_word_is_in_the_tokenizer_and_in_one_family(name: str) -> None:
    design = WORLDS[name].design
    content = [word for family in design.families for word in family]
    assert len(content) == len(set(content))
    known = set(design.vocabulary())
    random = Random(1)
    for category in CATEGORIES:
        for _ in range(200):
            for turn in design.dialogue(category, random).turns:
                assert known.issuperset((*turn.prompt, *turn.body))
                assert set(content).issuperset(turn.body)


@pytest.mark.parametrize("name", WORLDS)
def test_pools_are_disjoint_and_use_no_question(name: str) -> None:
    base = read_world(MICROBENCH / name)["base"]
    questions = {tuple(row["turns"]) for file in ("question.jsonl", "held_out.jsonl") for row in rows(base, file)}
    pools = {}
    for pool in ("search", "confirmation"):
        pairs = rows(name, f"pairs/{pool}.jsonl.gz")
        assert len(pairs) == 4096
        pools[pool] = {json.dumps(pair["prompt"]) + "".join(sorted(answers(pair))) for pair in pairs}
        for pair in pairs:
            asked = tuple(message["content"] for message in pair["prompt"] if message["role"] == "user")
            assert asked not in questions
            assert all(answers(pair))
            assert pair["prompt"][-1]["role"] == "user"
    assert not pools["search"] & pools["confirmation"]


def answers(pair: dict[str, Any]) -> list[str]:
    return [pair[side][0]["content"] for side in ("chosen", "rejected")]


@pytest.mark.parametrize("name", WITH_POLICY)
def test_faulty_writers_score_well_below_good_ones(name: str) -> None:
    design = WORLDS[name].design
    random = Random(3)
    writer = Writer(design, random)
    totals = {"good": 0.0, "faulty": 0.0}
    for _ in range(300):
        dialogue = design.dialogue(random.choice(CATEGORIES), random)
        body = dialogue.turns[0].body
        checks = turn_checks(design.style, dialogue.category, body)
        for kind in totals:
            totals[kind] += score(checks, " ".join(getattr(writer, kind)(dialogue.category, body))) / 300
    assert totals["good"] > totals["faulty"] + 2.5


def test_the_regimes_labels_are_as_told() -> None:
    facts = {name: read_world(MICROBENCH / name)["pairs"]["search"] for name in WORLDS}
    assert facts["base"]["labelsRight"] == pytest.approx(0.90, abs=0.02)
    assert facts["uniform-noise"]["labelsRight"] == pytest.approx(0.70, abs=0.03)
    assert facts["corrupted-chosen"]["labelsRight"] == pytest.approx(0.75, abs=0.03)
    assert facts["off-policy"]["labelsRight"] == 1.0
    assert facts["length-biased"]["longerChosen"] > facts["base"]["longerChosen"] + 0.2


def test_gzipped_rows_have_the_same_bytes_at_any_time(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_json_lines([{"a": 1}], tmp_path / name / "rows.jsonl.gz")
    one, other = ((tmp_path / name / "rows.jsonl.gz").read_bytes() for name in ("one", "other"))
    assert one == other
    assert gzip.decompress(one) == b'{"a": 1}\n'
    assert one[4:8] == b"\0\0\0\0"  # the header's time stamp


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_POLICY)
def test_the_untrained_policy_scores_as_recorded(name: str) -> None:
    from builder.untrained import untrained_scores  # noqa: PLC0415
    from losslab_trainer.policy import load_policy  # noqa: PLC0415

    world = read_world(MICROBENCH / name)
    design = WORLDS[name].design
    policy = load_policy(MICROBENCH / name / "policy")
    scores = untrained_scores(design, policy, draw_questions(design).search, world["maxNewTokens"])
    # Elsewhere another machine's rounding may choose another word now and then.
    assert scores == pytest.approx(world["untrained"], abs=0.15)
