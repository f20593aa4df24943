"""A kept trial of the evidence is found again as long as nothing has changed that decides it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from builder.evidence import trials
from builder.evidence.losses import Loss
from builder.evidence.trials import Setting, Trial, file_hash
from builder.world_files import MICROBENCH


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    """A trial in a copy of the base world."""
    world = tmp_path / "base"
    shutil.copytree(MICROBENCH / "base", world)
    return Trial(str(world), Loss("a", "probe", "def loss(): ..."), Setting(5e-4, 0.02), 1, "search")


def key(trial: Trial) -> str:
    """The key as another process would make it."""
    file_hash.cache_clear()
    return trial.key()


@pytest.mark.parametrize("name", ["rubric.jsonl", "question.jsonl", "policy/config.json", "pairs/search.jsonl.gz"])
def test_another_file_is_another_trial(trial: Trial, name: str) -> None:
    """The bytes count, whatever `world.json` says of them."""
    before = key(trial)
    assert key(trial) == before
    with (Path(trial.world) / name).open("ab") as stream:
        stream.write(b"\n")
    assert key(trial) != before


def test_what_a_trial_does_not_read_does_not_count(trial: Trial) -> None:
    """Pairs of the other pool and questions that are not asked change nothing."""
    before = key(trial)
    for name in ["pairs/confirmation.jsonl.gz", "held_out.jsonl"]:
        (Path(trial.world) / name).write_bytes(b"")
    assert key(trial) == before


def test_settings_losses_and_engines_tell_trials_apart(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Setting, seed, loss, world settings, code and libraries."""
    others = [
        replace(trial, setting=Setting(1e-3, 0.02)),
        replace(trial, seed=2),
        replace(trial, held_out=True),
        replace(trial, loss=Loss("a", "probe", "def loss(): pass")),
    ]
    keys = [key(each) for each in [trial, *others]]
    path = Path(trial.world) / "world.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"maxNewTokens": 25}))
    keys.append(key(trial))
    monkeypatch.setattr(trials, "engine", lambda: {"torch": "another"})
    keys.append(key(trial))
    assert len(set(keys)) == len(keys)
