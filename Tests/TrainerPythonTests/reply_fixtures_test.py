"""The code that the proposer found in replies of language models, screened: it is accepted or refused as meant."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TypedDict, cast

import pytest
from losslab_trainer.contract import LossRejected
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.screening import gate
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.job import measuring_in_process
from losslab_trainer.screening.probe import probe

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures" / "replies"


class Expected(TypedDict, total=False):
    outcome: str
    screening: str


REPLIES = cast(dict[str, Expected], json.loads((FOLDER / "expected.json").read_text(encoding="utf-8")))
WITH_CODE = sorted(name for name, expected in REPLIES.items() if expected["outcome"] == "code")


def outcome(text: str) -> str:
    """``accepted``, or the code of the first rejection. Runs the loss in this process: these texts are our own."""
    try:
        form = to_file_form(text)
    except LossRejected as rejection:
        return rejection.code
    refused = gate.violations(form.source)
    if refused:
        return refused[0].code
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = probe(measuring_in_process(InProcessLoss(form.source)))
    return report.rejections[0].code if report.rejections else "accepted"


@pytest.mark.parametrize("name", WITH_CODE)
def test_code_from_a_reply_is_screened_as_it_was_meant(name: str) -> None:
    text = (FOLDER / name.replace(".txt", ".py")).read_text(encoding="utf-8")
    assert outcome(text) == REPLIES[name]["screening"]


def test_every_reply_with_code_has_its_code_beside_it() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {Path(name).stem for name in WITH_CODE}
