"""Runs attacks in the sandbox as the user who calls it, one JSON line for each; with --control, without the sandbox.

python attack_driver.py WORKER [--allow-unsandboxed]   every attack, through one trainer
python attack_driver.py --control                      those that are harmless outside: each has to succeed there
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from attack_canaries import Canaries, descendants, process_state
from losslab_trainer.contract import LossRejected
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.loss_process import LossLimits, LossProcesses

ATTACKS = Path(__file__).parent / "attacks"
BATCH = 16

# Before every attack: names that attacks use, and `sound`, which one that was let through returns.
PRELUDE = """
import ctypes, os, torch
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def sound(pc, pr, rc, rr, beta):
    return -torch.nn.functional.logsigmoid(beta * ((pc - pr) - (rc - rr)))
"""

SOUND = PRELUDE + "loss = sound\n"


@dataclass(frozen=True)
class Attack:
    """One file of attacks/: its text, the codes that it may be rejected with, and how it is run."""

    name: str
    text: str

    @property
    def codes(self) -> list[str]:
        return self._setting("expect").split()

    @property
    def is_control(self) -> bool:
        return self._setting("control") != ""

    @property
    def evaluations(self) -> int:
        return int(self._setting("evaluations") or 1)

    @property
    def limits(self) -> LossLimits:
        pairs = dict(pair.split("=") for pair in self._setting("limits").split())
        seconds = float(pairs.pop("evaluation_seconds", 10))
        return LossLimits(evaluation_seconds=seconds, **{name: int(value) for name, value in pairs.items()})

    def source(self, names: dict[str, object]) -> str:
        constants = "".join(f"{name} = {value!r}\n" for name, value in names.items())
        return constants + PRELUDE + self.text

    def _setting(self, name: str) -> str:
        found = re.search(rf"^# {name}: (.*)$", self.text, re.MULTILINE)
        return found[1] if found else ""


def attacks() -> list[Attack]:
    """Every attack, by name."""
    return [Attack(path.stem, path.read_text()) for path in sorted(ATTACKS.glob("*.py"))]


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    chosen, rejected, *reference = torch.randn(4, BATCH, generator=torch.Generator().manual_seed(1)) * 10 - 100
    return chosen, rejected, reference[0], reference[1]


def run_in_sandbox(worker: str, *, allow_unsandboxed: bool) -> None:
    canaries = Canaries()
    processes = LossProcesses.start(worker, allow_unsandboxed=allow_unsandboxed)
    os.environ["LOSSLAB_SECRET"] = canaries.token
    sandbox = processes.sandbox()
    zygote = processes.zygote_pid or 0
    names = canaries.names() | {"TRAINER": os.getpid(), "ZYGOTE": zygote}
    expected = InProcessLoss(SOUND).evaluate(*batch(), 0.1)
    # One that works through all the attacks beside it; every attack's own process shows that new ones still start.
    sound = processes.open(SOUND)
    before = descendants(os.getpid())
    print(json.dumps({"user": os.getuid(), "sandbox": sandbox}), flush=True)
    for attack in attacks():
        started = time.monotonic()
        outcome = _outcome(processes, attack, names)
        seconds = time.monotonic() - started
        harm = canaries.harm()
        if process_state(zygote) not in ("S", "R", "D") or processes.zygote_restarts:
            harm.append("the zygote was harmed")
        if canaries.token in json.dumps(outcome):
            harm.append("the secret is in the answer")
        # A supervisor ends a moment after the process that it watches.
        deadline = time.monotonic() + 2
        while (left := descendants(os.getpid()) - before) and time.monotonic() < deadline:
            time.sleep(0.005)
        if left:
            harm.append(f"processes {left} are left")
        goes_on = torch.equal(sound.evaluate(*batch(), 0.1).losses, expected.losses)
        line = {"attack": attack.name, "harm": harm, "goesOn": goes_on, "seconds": seconds, **outcome}
        print(json.dumps(line), flush=True)
        canaries.restore()
    processes.close()
    canaries.close()


def _outcome(processes: LossProcesses, attack: Attack, names: dict[str, object]) -> dict[str, object]:
    loss = None
    try:
        loss = processes.open(attack.source(names), attack.limits)
        for _ in range(attack.evaluations):
            loss.evaluate(*batch(), 0.1)
        # What was sent after the answer shows when the next question is asked.
        loss.evaluate(*batch(), 0.1)
    except LossRejected as rejection:
        return {"outcome": "rejected", **rejection.to_json()}
    except Exception as error:
        return {"outcome": "failed", "message": f"{type(error).__name__}: {error}"}
    finally:
        if loss is not None:
            loss.close()
    return {"outcome": "accepted"}


def run_controls() -> None:
    """Outside the sandbox each of these succeeds, so it is the sandbox that stops them."""
    canaries = Canaries()
    os.environ["LOSSLAB_SECRET"] = canaries.token
    names = canaries.names() | {"TRAINER": os.getpid(), "ZYGOTE": canaries.bystander.pid}
    context = multiprocessing.get_context("fork")
    for attack in attacks():
        if attack.is_control:
            child = context.Process(target=_control, args=(attack.source(names),))
            child.start()
            child.join(30)
            child.kill()
            print(json.dumps({"attack": attack.name, "succeeded": child.exitcode == 0}), flush=True)
            canaries.restore()
    canaries.close()


def _control(source: str) -> None:
    os.chdir("/tmp")
    torch.set_num_threads(1)
    InProcessLoss(source).evaluate(*batch(), 0.1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "--control":
        run_controls()
    else:
        run_in_sandbox(sys.argv[1], allow_unsandboxed="--allow-unsandboxed" in sys.argv)
