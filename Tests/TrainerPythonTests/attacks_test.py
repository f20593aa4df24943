"""Every attack is contained by the sandbox alone, whoever runs it, and the trainer goes on as before.

The static gate is bypassed. Attacks aim at loopback, temporary folders and a bystander process; canaries there notice
being touched. Nothing here may run outside the sandbox but what is marked as a control.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attack_driver import Attack, attacks

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ORDINARY_USER = 65534
SECONDS = 400

# Who attacks, and what the kernel lacks for them. Namespaces are extra: containers often forbid them.
ATTACKERS = {"root": "", "ordinary-user": "", "ordinary-user-without-namespaces": "namespaces"}

Results = dict[str, dict[str, object]]


def command(name: str, worker: str) -> list[str]:
    poorer = [str(HERE / "poorer_kernel.py"), ATTACKERS[name], sys.executable] if ATTACKERS[name] else []
    return [sys.executable, *poorer, str(HERE / "attack_driver.py"), worker]


def user_of(name: str) -> dict[str, object]:
    if name == "root" or os.getuid() != 0:
        return {}
    return {"user": ORDINARY_USER, "group": ORDINARY_USER, "extra_groups": []}


def reason_to_skip(name: str, worker: str) -> str | None:
    if name == "root" and os.getuid() != 0:
        return "not run as root: the attacks by root were not tried"
    readable = [sys.executable, "-c", "import sys, torch, losslab_trainer; open(sys.argv[1]).close()", worker]
    if subprocess.run(readable, check=False, capture_output=True, **user_of(name)).returncode != 0:  # type: ignore[call-overload]
        return "an ordinary user cannot read this checkout"
    return None


@pytest.fixture(scope="module")
def results() -> Iterator[dict[str, Results | str]]:
    """What became of every attack, by attacker; a text says why there is nothing. All attackers run side by side."""
    worker = os.environ.get("LOSSLAB_WORKER")
    if worker is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    skipped = {name: reason_to_skip(name, worker) for name in ATTACKERS}
    running = {
        name: subprocess.Popen(  # type: ignore[call-overload]
            command(name, worker), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **user_of(name)
        )
        for name, reason in skipped.items()
        if reason is None
    }
    found: dict[str, Results | str] = {name: reason for name, reason in skipped.items() if reason is not None}
    for name, process in running.items():
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, f"{name}: the trainer itself ended\n{err}"
        lines = [json.loads(line) for line in out.splitlines()]
        found[name] = {str(line.get("attack", "")): line for line in lines}
    yield found


@pytest.mark.parametrize("attacker", ATTACKERS)
@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name)
def test_attack_is_a_rejection_and_touches_nothing(
    attack: Attack, attacker: str, results: dict[str, Results | str]
) -> None:
    found = results[attacker]
    if isinstance(found, str):
        pytest.skip(found)
    result = found[attack.name]
    assert result["outcome"] == "rejected", result
    assert result["code"] in attack.codes, result
    assert len(str(result["message"])) <= 600
    assert str(result["message"]).isprintable()
    assert result["harm"] == []
    assert result["goesOn"] is True, "a sound loss no longer evaluates"


@pytest.mark.parametrize("attacker", ATTACKERS)
def test_the_layers_are_those_that_this_attacker_can_have(attacker: str, results: dict[str, Results | str]) -> None:
    found = results[attacker]
    if isinstance(found, str):
        pytest.skip(found)
    sandbox = found[""]["sandbox"]
    assert isinstance(sandbox, dict)
    assert sandbox["landlock"] >= 1
    assert sandbox["seccomp"] and sandbox["limits"] and sandbox["capabilitiesDropped"]
    assert sandbox["uidDropped"] is (attacker == "root")
    assert sandbox["missing"] == []
    if ATTACKERS[attacker]:
        assert sandbox["namespaces"] == [] and sandbox["emptyRoot"] is False


def test_there_are_enough_attacks_of_every_kind() -> None:
    names = [attack.name for attack in attacks()]
    assert len(names) >= 40
    kinds = {name.split("_")[0] for name in names}
    assert kinds >= {"file", "network", "process", "signal", "kernel", "secret", "memory", "endless", "output", "end"}
    assert kinds >= {"patch", "frames", "forge", "value", "state", "slow"}


def test_harmless_attacks_succeed_outside_the_sandbox() -> None:
    """Or their failure inside would show nothing."""
    completed = subprocess.run(
        [sys.executable, str(HERE / "attack_driver.py"), "--control"],
        check=True,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    outcomes = [json.loads(line) for line in completed.stdout.splitlines() if line.startswith("{")]
    assert len(outcomes) >= 20
    assert [outcome["attack"] for outcome in outcomes if not outcome["succeeded"]] == []
