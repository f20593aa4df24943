"""The pairs of a campaign's trial: drawn by the seed from a side that shares no prompt with the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finetune_models import bench, save_tiny, synthetic_rows, write_rows
from losslab_trainer.data.tokenise import TokeniseOptions, tokenise
from losslab_trainer.finetune import preparation
from losslab_trainer.finetune.models import load_model
from losslab_trainer.finetune.preparation import PreparedData, prepare
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.settings import ModelSettings


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Any]:
    folder = tmp_path_factory.mktemp("draw")
    rows = synthetic_rows(60)
    swapped = [row | {"chosen": row["rejected"], "rejected": row["chosen"]} for row in rows]
    pairs = write_rows(folder / "pairs.jsonl", [*rows, *swapped])
    model = save_tiny(folder / "model")
    tokenizer = load_model(ModelSettings(str(model), device="cpu")).tokenizer
    return {"train": {"path": str(pairs)}, "heldOutShare": 0}, tokenizer


def drawn(source: tuple[dict[str, Any], Any], side: str, **changes: object) -> PreparedData:
    data, tokenizer = source
    draw = {"side": side, "confirmationShare": 0.4, "count": 10_000, "seed": 1, **changes}
    return prepare({**data, "draw": draw}, tokenizer, TokeniseOptions())


def prompts(data: PreparedData) -> set[tuple[int, ...]]:
    return {tuple(pair.prompt_ids) for pair in data.train}


def test_the_two_sides_share_no_prompt_and_leave_no_pair_out(source: tuple[dict[str, Any], Any]) -> None:
    search, confirmation = drawn(source, "search"), drawn(source, "confirmation")
    assert prompts(search) and prompts(confirmation)
    assert not prompts(search) & prompts(confirmation)
    assert sorted(pair.row for pair in (*search.train, *confirmation.train)) == list(range(120))


def test_a_seed_draws_the_same_pairs_again_and_another_seed_others(source: tuple[dict[str, Any], Any]) -> None:
    first, again, other = (drawn(source, "search", count=20, seed=seed) for seed in (1, 1, 2))
    assert len(first.train) == len({pair.row for pair in first.train}) == 20
    assert first.train == again.train
    assert {pair.row for pair in first.train} != {pair.row for pair in other.train}


def test_a_side_without_pairs_and_a_half_named_draw_are_told(source: tuple[dict[str, Any], Any]) -> None:
    with pytest.raises(FinetuneProblem, match="falls on the side of the confirmation"):
        drawn(source, "confirmation", confirmationShare=1e-9)
    with pytest.raises(FinetuneProblem, match="side is search or confirmation"):
        drawn(source, "elsewhere")
    data, tokenizer = source
    with pytest.raises(FinetuneProblem, match=r"data\.draw: needs confirmationShare, count, seed, side, and has side"):
        prepare({**data, "draw": {"side": "search"}}, tokenizer, TokeniseOptions())


def test_a_side_is_tokenised_once_until_its_file_changes(
    source: tuple[dict[str, Any], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def counting(rows: Any, *others: Any) -> Any:
        counted.append(len(rows))
        return tokenise(rows, *others)

    monkeypatch.setattr(preparation, "tokenise", counting)
    path = write_rows(tmp_path / "pairs.jsonl", synthetic_rows(30))

    def draw(side: str, seed: int) -> PreparedData:
        value = {"side": side, "confirmationShare": 0.4, "count": 5, "seed": seed}
        data = {"train": {"path": str(path)}, "heldOutShare": 0, "draw": value}
        return prepare(data, source[1], TokeniseOptions(), tokenizer_key="one")

    first = draw("search", 1)
    assert [draw("search", 2).train != first.train, draw("search", 1) == first] == [True, True]
    draw("confirmation", 1)
    draw("search", 3)
    assert len(counted) == 2 and sum(counted) == 30
    write_rows(path, synthetic_rows(31))
    draw("search", 1)
    assert len(counted) == 3


@pytest.mark.slow
def test_what_was_trained_before_does_not_change_a_training(tmp_path: Path) -> None:
    """Reference values are computed for the whole side at once, whichever trial came first."""
    worlds = {name: bench(tmp_path / name, rows=60) for name in ("one", "other")}  # each with a cache of its own

    def weights(seed: int, name: str) -> str:
        draw = {"side": "search", "confirmationShare": 0.4, "count": 20, "seed": seed}
        result = worlds[name].run(str(seed), data={"heldOutShare": 0, "draw": draw}, training={"seed": seed})
        assert result["data"]["usable"] == 20
        return str(result["weightsHash"])

    first, second = weights(1, "one"), weights(2, "one")
    assert (weights(2, "other"), weights(1, "other")) == (second, first)
    assert first != second
