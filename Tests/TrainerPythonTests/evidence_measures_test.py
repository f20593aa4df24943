"""The statistics behind the benchmark's tables."""

from __future__ import annotations

import math

import pytest
from builder.evidence.measures import paired_difference, seeds_for, spearman
from builder.evidence.repeatability import agreements
from builder.evidence.tables import _clear_pairs


def test_spearman_shares_ranks_between_equals() -> None:
    assert spearman([1, 2, 3, 4], [10, 20, 30, 40]) == pytest.approx(1)
    assert spearman([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 2, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.9486833)
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_more_seeds_bring_a_correlation_to_what_is_wanted() -> None:
    # One seed a side at .5: two give 2 (.5) / 1.5 = .667, nineteen give 9.5 / 10 = .95.
    assert seeds_for(0.95, 0.5, 1) == 19
    assert seeds_for(0.95, 2 / 3, 2) == 19
    assert seeds_for(0.95, -0.1, 3) is None


def test_seed_effects_that_losses_share_leave_a_paired_difference_its_small_error() -> None:
    difference, error = paired_difference([6.0, 7.0, 8.0], [5.5, 6.4, 7.6])
    assert difference == pytest.approx(0.5)
    assert error == pytest.approx(0.1 / math.sqrt(3))


def test_only_losses_that_the_search_tells_apart_count_as_clear_pairs() -> None:
    def loss(search: list[float], fresh: list[float]) -> dict[str, object]:
        return {"search": {"t07": search}, "confirmation": {"t07": fresh}}

    good, bad = loss([7.0, 7.1, 7.2], [7.3, 7.2]), loss([5.0, 5.2, 5.1], [5.0, 5.1])
    noisy = loss([4.0, 9.0, 7.0], [8.0, 8.0])
    turned = loss([3.0, 3.1, 3.0], [9.0, 9.0])
    assert _clear_pairs([good, bad]) == (1, 1)
    assert _clear_pairs([good, noisy]) == (0, 0)
    assert _clear_pairs([good, bad, turned]) == (3, 1)


def test_every_choice_of_seeds_on_either_side_is_a_ranking_against_a_ranking() -> None:
    search = {"a": [1.0, 1.0, 9.0], "b": [2.0, 2.0, 2.0], "c": [3.0, 3.0, 3.0]}
    confirmation = {"a": [1.0, 1.0], "b": [2.0, 2.0], "c": [3.0, 3.0], "left out": [9.0, 9.0]}
    names = ["a", "b", "c"]
    # Alone, the third seed puts a first: ranks 3 1 2 against 1 2 3.
    assert agreements(search, confirmation, names, 1) == pytest.approx([1, 1, 1, 1, -0.5, -0.5])
    # Two seeds a side: 3 choices against 1. With the third seed a is first, or level with none.
    assert agreements(search, confirmation, names, 2) == pytest.approx([1, -0.5, -0.5])
