"""A loss that does something else at some number of pairs does not pass for the one that it is at 64."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.slow
torch = pytest.importorskip("torch")

from losslab_trainer.in_process_loss import InProcessLoss  # noqa: E402
from losslab_trainer.screening.forms import to_file_form  # noqa: E402
from losslab_trainer.screening.gate import violations  # noqa: E402
from losslab_trainer.screening.job import measuring_in_process  # noqa: E402
from losslab_trainer.screening.probe import probe  # noqa: E402

NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
HEAD = (
    f"import torch\nimport torch.nn.functional as F\n\n\ndef loss({NAMES}, beta):\n"
    "    x = beta * (policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps)\n"
    "    n = x.shape[0]\n"
)
ODD = {
    "NaN at 16": ("return -F.logsigmoid(x) if n != 16 else torch.log(x - 1e6)", "nonfinite", 16),
    "the other way at 16": ("return -F.logsigmoid(x if n != 16 else -x)", "gradient", 16),
    "the other way from 65 on": ("return -F.logsigmoid(x if n < 65 else -x)", "gradient", 65),
    "the other way at odd sizes": ("return -F.logsigmoid(x * (1 - 2 * (n % 2)))", "gradient", 9),
}
EVEN = {
    "a mean over the batch": "return -F.logsigmoid(x - x.mean().detach())",
    "a spread": "return -F.logsigmoid(x / (x.std(unbiased=False).detach() + 1))",
    "divided by the number of pairs": "return -F.logsigmoid(x) / n",
}


@pytest.mark.parametrize("name", ODD)
def test_the_first_odd_size_is_named(name: str) -> None:
    body, code, size = ODD[name]
    form = to_file_form(HEAD + "    " + body)
    assert violations(form.source) == []
    rejections = probe(measuring_in_process(InProcessLoss(form.source))).rejections
    assert [rejection.code for rejection in rejections] == [code]
    assert rejections[0].details["pairs"] == size and f"a batch of {size} pairs" in rejections[0].message


@pytest.mark.parametrize("name", EVEN)
def test_a_loss_that_looks_at_its_batch_stays(name: str) -> None:
    report = probe(measuring_in_process(InProcessLoss(to_file_form(HEAD + "    " + EVEN[name]).source)))
    assert [str(rejection) for rejection in report.rejections] == []
    assert "batch-sizes" in [check.name for check in report.checks]
