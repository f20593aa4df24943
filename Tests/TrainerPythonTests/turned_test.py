"""A loss that only pulls the wrong way is refused together with the loss that its other sign makes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest

pytest.importorskip("torch")

from corpus_replies import IMPORTS, Reply, checked
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.turned import turned

PYTHON = Path(__file__).parents[2] / "Sources/Trainer/python"
HEAD = (
    f"{IMPORTS}\n\n\ndef loss_v2(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, "
    "reference_rejected_logps, beta):\n"
    "    x = beta * (policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps)\n"
)
BODIES = {
    "return F.logsigmoid(x)": "return -(F.logsigmoid(x))",
    "return -F.softplus(-x)": "return F.softplus(-x)",
    "y = x\n    return y + (\n        x\n    )": "y = x\n    return -(y + (\n        x\n    ))",
    "def f(a):\n        return a\n    return f(x)": "def f(a):\n        return a\n    return -(f(x))",
}


@pytest.mark.parametrize("body", BODIES)
def test_every_returned_value_of_the_loss_itself_changes_its_sign(body: str) -> None:
    found = turned(to_file_form(HEAD + "    " + body))
    assert found is not None and found.source.rstrip().endswith(BODIES[body])
    assert len(found.source.splitlines()) == len(found.original_lines)


def test_a_constant_has_no_other_sign() -> None:
    assert turned(to_file_form(HEAD + "    return 0.0")) is None


SCREENED = {
    "F.logsigmoid(x)": "-(F.logsigmoid(x))",
    "-(1 - torch.sigmoid(x))": "(1 - torch.sigmoid(x))",
    "-F.logsigmoid(x)": None,  # sound as it is
    "torch.sigmoid(x) + torch.sigmoid(-x)": None,  # constant either way
    "torch.log(x)": None,  # NaN either way
    "F.relu(x - 1e6)": None,  # no pull where training begins
}


@pytest.mark.slow
def test_screening_tells_the_sound_loss_that_the_other_sign_makes() -> None:
    worker = os.environ.get("LOSSLAB_WORKER")
    if worker is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    replies = [
        Reply(value, "m", "completion", None, "complete", False, f"{HEAD}    return {value}\n", [], "")
        for value in SCREENED
    ]
    results = checked(worker, replies, PYTHON)
    for value, expected in SCREENED.items():
        other = cast(str | None, results[value]["turned"])
        assert (other is None) == (expected is None), (value, results[value]["rejections"])
        if expected is not None:
            assert results[value]["accepted"] is False and str(other).rstrip().endswith(f"return {expected}")
