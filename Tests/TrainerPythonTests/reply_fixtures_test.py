"""Replies as models really send them, sound and broken; ``expected.json`` says what is in each.

The code that a reply holds lies beside it as ``NN-name.py``: what is read from the reply computes what that file does.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TypedDict, cast

import pytest
import torch
from losslab_trainer.contract import REJECTION_CODES, LossRejected
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.screening import gate
from losslab_trainer.screening.extract import Reply
from losslab_trainer.screening.forms import FileForm, to_file_form
from losslab_trainer.screening.job import measuring_in_process
from losslab_trainer.screening.probe import probe
from reading import BETA, PAIRS

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "replies"


class Expected(TypedDict, total=False):
    outcome: str  # ``code``, or why there is none
    screening: str  # ``accepted``, or why the code is refused
    name: str
    thought: str  # how it begins
    cutOff: bool  # the server says that the token limit ended the reply


REPLIES = cast(dict[str, Expected], json.loads((FOLDER / "expected.json").read_text(encoding="utf-8")))
WITH_CODE = sorted(name for name, expected in REPLIES.items() if expected["outcome"] == "code")
ACCEPTED = [name for name in WITH_CODE if REPLIES[name]["screening"] == "accepted"]


def text_of(name: str) -> str:
    return (FOLDER / name).read_bytes().decode("utf-8")


def read(name: str) -> FileForm:
    return to_file_form(text_of(name), reply=Reply(cut_off=REPLIES[name].get("cutOff", False)))


def outcome(name: str) -> str:
    """``accepted``, or the code of the first rejection. Runs the loss in this process: these texts are our own."""
    try:
        form = read(name)
    except LossRejected as rejection:
        return rejection.code
    refused = gate.violations(form.source)
    if refused:
        return refused[0].code
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = probe(measuring_in_process(InProcessLoss(form.source)))
    return report.rejections[0].code if report.rejections else "accepted"


def test_there_are_replies_of_every_kind() -> None:
    assert {path.name for path in FOLDER.glob("*.txt")} == REPLIES.keys() and len(REPLIES) >= 60
    assert {path.stem for path in FOLDER.glob("*.py")} == {Path(name).stem for name in WITH_CODE}
    outcomes = {expected["outcome"] for expected in REPLIES.values()}
    assert outcomes == {"code", "empty", "no-code", "thoughts-only", "cut-off"}
    assert outcomes - {"code"} <= REJECTION_CODES.keys()


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_a_reply_is_screened_as_it_was_meant(name: str) -> None:
    expected = REPLIES[name]
    assert outcome(name) == expected.get("screening", expected["outcome"])


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_read_computes_what_was_written(name: str) -> None:
    form, written = read(name), to_file_form(text_of(name.replace(".txt", ".py")))
    ours, theirs = (InProcessLoss(source).evaluate(*_pairs(), BETA) for source in (form.source, written.source))
    assert torch.equal(torch.as_tensor(ours.losses), torch.as_tensor(theirs.losses))
    assert form.name == REPLIES[name]["name"]
    if "thought" in REPLIES[name]:
        assert (form.thought or "").startswith(REPLIES[name]["thought"])


def _pairs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    return PAIRS[0], PAIRS[1], PAIRS[2], PAIRS[3]


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_every_prefix_of_a_reply_is_read_without_harm(name: str) -> None:
    """However a reply is cut: a loss or a reason, never an error; and cut off within the code it is no other loss."""
    text = text_of(name)
    for length in range(0, len(text), max(1, len(text) // 40)):
        try:
            form = to_file_form(text[:length], reply=Reply(cut_off=True))
        except LossRejected as rejection:
            assert rejection.code in REJECTION_CODES
            continue
        assert form.source
