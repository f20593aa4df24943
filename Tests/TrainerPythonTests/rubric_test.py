"""The programmatic rubric, against values worked out by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "evaluation" / "microbench"))

from builder.rubric import score, value


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("a b c", 1.0),
        ("open a b c stop", 1.0),  # ignored words are no part of the body
        ("a c", 2 / 3),  # one is missing
        ("a b b c", 3 / 4),  # one is too many
        ("c b a", 1 / 3),  # nothing but one word is in order
        ("open stop", 0.0),  # no body
    ],
)
def test_sequence_is_common_subsequence_over_longer_length(answer: str, expected: float) -> None:
    check = {"kind": "sequence", "weight": 1.0, "expected": ["a", "b", "c"], "ignore": ["open", "stop"]}
    assert value(check, answer.split()) == pytest.approx(expected)


@pytest.mark.parametrize(("answer", "expected"), [("c b a", 1.0), ("a a a", 1 / 3), ("a b c d", 3 / 4), ("x", 0.0)])
def test_bag_ignores_order_and_counts_words_once(answer: str, expected: float) -> None:
    check = {"kind": "bag", "weight": 1.0, "expected": ["a", "b", "c"], "ignore": []}
    assert value(check, answer.split()) == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "answer", "expected"), [
    ("begins", "x y z", 1.0), ("begins", "x", 0.0), ("begins", "y x", 0.0),
    ("ends", "z x y", 1.0), ("ends", "y", 0.0), ("ends", "x y z", 0.0),
])  # fmt: skip
def test_begins_and_ends_want_all_words_at_their_place(kind: str, answer: str, expected: float) -> None:
    assert value({"kind": kind, "weight": 1.0, "expected": ["x", "y"]}, answer.split()) == expected


@pytest.mark.parametrize(("answer", "expected"), [("a b", 1.0), ("um a", 2 / 3), ("um um well", 0.0), ("um " * 9, 0.0)])
def test_avoids_falls_to_zero_and_not_below(answer: str, expected: float) -> None:
    check = {"kind": "avoids", "weight": 1.0, "words": ["um", "well"], "zeroAt": 3}
    assert value(check, answer.split()) == pytest.approx(expected)


@pytest.mark.parametrize(("words", "expected"), [(3, 1.0), (5, 1.0), (6, 0.75), (2, 0.75), (9, 0.0), (1, 0.5)])
def test_length_is_flat_inside_and_linear_outside(words: int, expected: float) -> None:
    check = {"kind": "length", "weight": 1.0, "atLeast": 3, "atMost": 5, "slack": 4}
    assert value(check, ["w"] * words) == pytest.approx(expected)


@pytest.mark.parametrize(("answer", "expected"), [("a b a", 1.0), ("a a b", 0.5), ("a a a", 0.0), ("a a b b c c", 0.0)])
def test_no_repeats_counts_words_equal_to_the_one_before(answer: str, expected: float) -> None:
    assert value({"kind": "noRepeats", "weight": 1.0, "zeroAt": 2}, answer.split()) == expected


def test_score_is_one_to_ten_and_an_empty_answer_scores_one() -> None:
    checks = [
        {"kind": "avoids", "weight": 0.5, "words": ["um"], "zeroAt": 1},
        {"kind": "ends", "weight": 0.5, "expected": ["."]},
    ]
    assert score(checks, "a .") == pytest.approx(10.0)
    assert score(checks, "a") == pytest.approx(5.5)
    assert score(checks, "um") == pytest.approx(1.0)
    assert score(checks, "  \n") == 1.0


def test_unknown_kind_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown rubric check kind 'rhymes'"):
        score([{"kind": "rhymes", "weight": 1.0}], "a")
