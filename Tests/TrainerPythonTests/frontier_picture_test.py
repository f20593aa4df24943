"""Scores against KL as a picture: it can be repeated, names what it shows, and says what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from losslab_trainer.plotting.frontier import frontier


def point(loss: str, kl: float, score: float, *, seeds: int = 3, front: bool = False) -> dict[str, Any]:
    error = {} if seeds == 1 else {"standardError": 0.1}
    return {
        "loss": loss,
        "setting": {"learningRate": 1e-3, "beta": 0.1},
        "kl": {"mean": kl, "count": seeds, **error},
        "score": {"mean": score, "count": seeds, "standardError": 0.1},
        "seeds": seeds,
        "onFront": front,
        "control": False,
    }


def drawn(path: Path, **changes: Any) -> str:
    points = [
        point("dpo", 0.2, 6.0, front=True),
        point("soft", 0.5, 6.5, seeds=1, front=True),
        point("plain", 0.6, 5.0, seeds=1),
        point("soft", 40.0, 3.0),
    ]
    found = {"points": points, "gaps": [], "scoreOf": "mean judge score", "klOf": "over its own answers"} | changes
    frontier({"title": "Campaign first", "frontier": found, "shown": ["dpo", "soft"], "output": str(path)})
    # Text in an SVG is drawn as outlines; matplotlib leaves it beside them as a comment.
    return path.read_text("utf-8")


def test_the_same_numbers_are_the_same_file(tmp_path: Path) -> None:
    assert drawn(tmp_path / "a.svg") == drawn(tmp_path / "b.svg")


def test_it_says_what_it_shows_and_what_it_leaves_out(tmp_path: Path) -> None:
    text = drawn(
        tmp_path / "a.svg",
        gaps=[{"loss": "soft"}],
        untrained={"mean": 5.5, "standardError": 0.2, "count": 2},
    )
    for words in (
        "Campaign first",
        "KL over its own answers (nats an answer)",
        "mean judge score",
        "2 of 4 points are of one seed",
        "1 setting has no point",
        "soft (1 farther right)",
        "1 other loss",
        "untrained reference",
    ):
        assert words in text, words


def test_a_single_point_can_be_drawn(tmp_path: Path) -> None:
    assert "dpo" in drawn(tmp_path / "a.svg", points=[point("dpo", 0.0, 6.0, seeds=1, front=True)])
