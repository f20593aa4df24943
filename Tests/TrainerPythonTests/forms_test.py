"""Every form in which a model writes a loss becomes the file form, and computes what was written."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest
import torch
from losslab_trainer.contract import REJECTION_CODES, LossRejected
from losslab_trainer.screening import header
from losslab_trainer.screening.forms import SIGNATURE, FileForm, to_file_form
from losslab_trainer.screening.gate import violations
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = sorted((ROOT / "losses").glob("*/*.py"))
BETA = 0.1
NAMES = "policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps"
INPUTS = [torch.tensor(x, dtype=torch.float64) for x in ([-9.0, -80], [-12.0, -70], [-10.0, -75], [-11.0, -73])]
DPO = -torch.nn.functional.logsigmoid(BETA * ((INPUTS[0] - INPUTS[1]) - (INPUTS[2] - INPUTS[3])))


def run(source: str, inputs: list[Tensor] = INPUTS, beta: float = BETA) -> Tensor:
    namespace: dict[str, object] = {}
    exec(source, namespace)
    loss = namespace["loss"]
    assert callable(loss)
    values = loss(*inputs, beta)
    assert isinstance(values, Tensor)
    return values


def is_dpo(form: FileForm) -> bool:
    assert violations(form.source) == []
    return torch.allclose(run(form.source), DPO)


BODY = """    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(self.beta * rho)
"""
METHOD = f"def my_loss(self, {NAMES}):\n{BODY}"
FUNCTION = f"def my_loss({NAMES}, beta):\n{BODY.replace('self.beta', 'beta')}"
TYPED = (
    "def my_loss(\n    self,\n"
    + "".join(f"    {name}: torch.FloatTensor,\n" for name in NAMES.split(", "))
    + f") -> Tuple[torch.FloatTensor, torch.FloatTensor]:\n{BODY}"
)
PROSE = "Sure! Let's try something new, it's *smooth*:\n\n{}\n\nThis should (I hope) work well, don't you think?\n"
CLASS = """class MyLoss(nn.Module):
    def __init__(self, beta: float = 0.1):
        super().__init__()
        self.beta = beta

"""
INDENTED = "".join(f"    {line}\n" for line in METHOD.splitlines())

FORMS: dict[str, tuple[str, set[str]]] = {
    "method": (METHOD, {"method", "renamed", "imports"}),
    "typed method": (TYPED, {"method"}),
    "plain function": (FUNCTION, {"renamed"}),
    "beta in scope from nowhere": (METHOD.replace("self, ", "").replace("self.", ""), {"renamed"}),
    "beta with a default": (FUNCTION.replace("beta):", "beta=0.1):"), {"renamed"}),
    "beta by keyword only": (FUNCTION.replace("beta):", "*, beta: float = 0.05):"), {"renamed"}),
    "beta assigned from self": (METHOD.replace("    return", "    beta = self.beta\n    return"), {"method"}),
    "fenced": (PROSE.format(f"```python\n{METHOD}```"), {"fenced", "method"}),
    "fenced without language": (PROSE.format(f"```\n{METHOD}```"), {"fenced"}),
    "fenced with tildes": (PROSE.format(f"~~~py\n{METHOD}~~~"), {"fenced"}),
    "fence never closed": (f"Here:\n```python\n{METHOD}", {"fenced"}),
    "fenced and indented": (f"1. My loss:\n\n    ```python\n{INDENTED}    ```\n", {"fenced"}),
    "imports in one block, loss in another": (
        f"```python\nimport torch\n```\ntext\n```python\n{METHOD}```",
        {"fenced"},
    ),
    "block that is no Python": (f"```bash\npip install torch\n```\n```python\n{METHOD}```\n", {"fenced"}),
    "json reply": (json.dumps({"thought": "a def", "name": "x", "code": METHOD}), {"json", "method"}),
    "json with raw newlines": ('{"thought": "t", "code": "' + METHOD + '"}', {"json"}),
    "json in a fence": (f"```json\n{json.dumps({'name': 'x', 'code': METHOD})}\n```", {"json", "fenced"}),
    "json string": (json.dumps(METHOD), {"json"}),
    "fenced code in json": (json.dumps({"code": f"```python\n{METHOD}```"}), {"json", "fenced"}),
    "escaped once": (METHOD.replace("\n", "\\n"), {"escaped"}),
    "escaped twice": (json.dumps({"code": METHOD.replace("\n", "\\n")}), {"json"}),
    "prose without fences": (PROSE.format(METHOD), {"prose", "method"}),
    "indented as in a class": (INDENTED, {"indented", "method"}),
    "windows line ends": (METHOD.replace("\n", "\r\n"), {"method"}),
    "byte order mark": ("\ufeff" + METHOD, {"method"}),
    "import inside": (METHOD.replace("    rho", "    import torch.nn.functional as F\n    rho"), {"method"}),
    "functional imported by name": (
        "from torch.nn.functional import logsigmoid\n" + METHOD.replace("F.logsigmoid", "logsigmoid"),
        {"method"},
    ),
    "torch under another name": ("import torch.nn.functional as nnf\n" + METHOD.replace("F.", "nnf."), {"method"}),
    "static method": ("@staticmethod\n" + FUNCTION, {"renamed"}),
    "class": (CLASS + INDENTED.replace("my_loss", "forward"), {"class", "method", "imports"}),
    "class with a static method": (
        "class A:\n    @staticmethod\n" + INDENTED.replace("self, ", "").replace("self.", ""),
        {"class"},
    ),
    "example below": (METHOD + "\n# try it\nx = torch.randn(4)\nprint(my_loss(x, x, x, x))\n", {"trimmed"}),
    "main below": (METHOD + "\nif __name__ == '__main__':\n    print(1)\n", {"trimmed"}),
    "import not needed": ("import numpy as np\nimport os\n" + METHOD, {"method"}),
    "other names": (FUNCTION.replace("policy_", "pi_").replace("reference_", "ref_"), {"parameters"}),
    "short names": (
        "def f(pi_w, pi_l, ref_w, ref_l, beta):\n    return -F.logsigmoid(beta * (pi_w - pi_l - ref_w + ref_l))\n",
        {"parameters"},
    ),
    "names without a meaning": (
        "def f(a, b, c, d, beta): return -F.logsigmoid(beta * (a - b - c + d))\n",
        {"parameters"},
    ),
    "another order": (
        "def f(beta, ref_chosen, ref_rejected, chosen, rejected):\n"
        "    return -F.logsigmoid(beta * (chosen - rejected - ref_chosen + ref_rejected))\n",
        {"parameters"},
    ),
    "tuple of rewards": (
        METHOD.replace("self.beta * rho)\n", "self.beta * rho), policy_chosen_logps.detach(), rho.detach()\n"),
        {"tuple"},
    ),
    "parameter with a default": (
        FUNCTION.replace("beta):", "beta, offset: float = 0.0):").replace("rho)", "rho + offset)"),
        {"constants"},
    ),
    "unused keyword parameters": (FUNCTION.replace("beta):", "beta, **kwargs):"), {"renamed"}),
    "helper constant and function": (
        "ZERO = 0.0\n\ndef logistic(x):\n    return -F.logsigmoid(x + ZERO)\n\n"
        + METHOD.replace("-F.logsigmoid(self.beta * rho)", "logistic(self.beta * rho)"),
        {"method"},
    ),
    "helper below": (
        METHOD.replace("-F.logsigmoid(self.beta * rho)", "logistic(self.beta * rho)")
        + "\ndef logistic(x):\n    return -F.logsigmoid(x)\n",
        {"method"},
    ),
    "helper called loss_fn": (
        "def dpo(x):\n    return -F.logsigmoid(x)\n" + METHOD.replace("-F.logsigmoid(self", "dpo(self"),
        {"method"},
    ),
    "wrapper around a loss": (
        FUNCTION + f"\ndef wrapped({NAMES}, beta):\n    return my_loss({NAMES}, beta)\n",
        {"renamed"},
    ),
    "helper of the policy's two": (
        "def gap(policy_chosen_logps, policy_rejected_logps):\n    return policy_chosen_logps\n\n" + METHOD,
        {"method", "trimmed"},
    ),
    "the later definition wins": (METHOD.replace("-F.logsigmoid", "F.relu") + "\n" + METHOD, {"method"}),
    "comment behind the colon": (METHOD.replace("):\n", "):  # the loss: DPO\n", 1), {"method"}),
    "future annotations": ("from __future__ import annotations\n" + TYPED, {"method"}),
    "docstring": (METHOD.replace("    rho", '    """Mine: a -> b."""\n    rho'), {"method"}),
}


@pytest.mark.parametrize("name", FORMS)
def test_becomes_the_file_form(name: str) -> None:
    text, expected = FORMS[name]
    form = to_file_form(text)
    assert SIGNATURE in form.source
    assert expected <= set(form.forms), form.forms
    assert is_dpo(form), form.source
    again = to_file_form(form.source)
    assert (again.source, again.forms) == (form.source, ["file"]), "the file form is left as it is"


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda path: path.stem)
def test_catalogue_files_are_left_as_they_are(path: Path) -> None:
    form = to_file_form(path.read_text())
    assert form.source == path.read_text()
    assert form.forms == ["file"] and form.name == path.stem
    assert header.write(form.header) == "".join(
        path.read_text().splitlines(keepends=True)[: header.length(form.source)]
    )


def as_published(source: str) -> str:
    """A catalogue loss in the published method form, fenced, without the imports that the authors' gate lacked."""
    body = source.split("-> Tensor:  # (B,) one loss value per pair\n")[1]
    constants = "".join(f"    {m[0]}\n" for m in re.finditer(r"^[A-Z]+ = .*$", source, re.MULTILINE))
    body = re.sub(r"\bbeta\b", "self.beta", body)
    parameters = NAMES.replace(", ", ",\n    ")
    return f"```python\ndef published(\n    self,\n    {parameters},\n):\n{constants}{body}```"


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda path: path.stem)
def test_published_method_form_computes_the_same(path: Path) -> None:
    form = to_file_form(as_published(path.read_text()))
    assert violations(form.source) == []
    assert torch.equal(run(form.source), run(path.read_text()))


KTO = f"""def kto_pair_loss(self, {NAMES}):
    chosen_KL = (policy_chosen_logps - reference_chosen_logps).mean().clamp(min=0)
    rejected_KL = (policy_rejected_logps - reference_rejected_logps).mean().clamp(min=0)
    chosen = policy_chosen_logps - reference_chosen_logps
    rejected = policy_rejected_logps - reference_rejected_logps
    losses = torch.cat(
        (
            1 - F.sigmoid(self.beta * (chosen - rejected_KL)),
            1 - F.sigmoid(self.beta * (chosen_KL - rejected)),
        ),
        0,
    )
    return losses
"""


@pytest.mark.parametrize("dimension", ["0", "dim=0", ""])
def test_kto_is_folded_with_its_mean_unchanged(dimension: str) -> None:
    published = KTO.replace("        0,\n", f"        {dimension},\n" if dimension else "")
    form = to_file_form(published)
    assert "folded" in form.forms and violations(form.source) == []
    folded = run(form.source)
    assert folded.shape == (2,)
    catalogue = (ROOT / "losses/baselines/kto_pair.py").read_text()
    assert torch.allclose(folded, run(catalogue), rtol=1e-12)


def test_a_concatenation_of_parts_of_the_batch_is_not_folded() -> None:
    body = "a, b = (policy_chosen_logps - policy_rejected_logps).chunk(2)\n    return torch.cat((a, b * 2), 0)"
    text = f"def f({NAMES}, beta):\n    {body}\n"
    form = to_file_form(text)
    assert "folded" not in form.forms and run(form.source).shape == (2,)


def test_numbers_and_helpers_of_a_class_are_carried_along() -> None:
    text = f"""import torch

class Mine(torch.nn.Module):
    scale = 2.0

    def __init__(self, beta=0.1, tau: float = 0.5):
        super().__init__()
        self.beta = beta
        self.tau = tau

    def shifted(self, x):
        return x + self.tau

    def forward(self, {NAMES}):
        tau, scale = self.tau, self.scale
        rho = policy_chosen_logps - policy_rejected_logps - reference_chosen_logps + reference_rejected_logps
        shifted = self.shifted(self.beta * rho)
        return shifted * scale * (tau + 0.5)
"""
    form = to_file_form(text)
    assert violations(form.source) == [] and form.name == "mine"
    rho = INPUTS[0] - INPUTS[1] - INPUTS[2] + INPUTS[3]
    assert torch.allclose(run(form.source), (BETA * rho + 0.5) * 2)


def test_comments_and_layout_stay() -> None:
    text = METHOD.replace("    rho", "    # the margin, in nats\n    rho").replace("rho)\n", "rho)  # eq. 7\n")
    source = to_file_form(text).source
    assert "    # the margin, in nats\n" in source and "rho)  # eq. 7\n" in source


def test_lines_lead_back_to_the_text_that_was_given() -> None:
    text = (
        "Prose.\n\n```python\nimport torch\n\ndef f(self, "
        + NAMES
        + "):\n    x = policy_chosen_logps\n    return x.data\n```\n"
    )
    form = to_file_form(text)
    line = violations(form.source)[0].line
    assert form.original_line(line) == 8
    assert form.source.splitlines()[(line or 0) - 1] == "    return x.data"


def test_header_fields_and_name_are_kept_or_given() -> None:
    form = to_file_form("# ---\n# name: nice\n# title: A nice one\n# beta: 0.2\n# ---\n" + FUNCTION)
    assert form.name == "nice" and form.header["title"] == "A nice one" and form.header["beta"] == 0.2
    own = "# ---\n# name: my-loss\n# author: someone\n# beta: many\n# origin: mine\n# parents: dpo, IPO\n# ---\n"
    given = to_file_form(own + FUNCTION).header
    assert given == {"name": "my-loss", "origin": "discovered", "beta": 0.05, "parents": ["dpo", "ipo"]}
    assert to_file_form(FUNCTION, header={"beta": "0.1"}).header["beta"] == 0.1
    form = to_file_form(METHOD, name="Better Loss!", header={"reference": "x: y", "parents": ["dpo", "slic"]})
    assert form.name == "better_loss"
    assert '# reference: "x: y"\n' in form.source and "# parents: [dpo, slic]\n" in form.source
    assert to_file_form("class PolicyFocusedLoss:\n" + INDENTED).name == "policy_focused_loss"


REFUSED = {
    "nothing": ("", "empty"),
    "prose only": ("I am sorry, I cannot do that (it's hard).", "no-code"),
    "no function": ("import torch\nx = 1\n", "no-code"),
    "too few parameters": ("def f(x, y):\n    return x - y\n", "signature"),
    "contradicting names": ("def f(chosen_logps, rejected_logps, chosen_rewards, x):\n    return x\n", "signature"),
    "any arguments": ("def f(*args, **kwargs):\n    return args[0]\n", "signature"),
    "another attribute of self": (METHOD.replace("self.beta", "self.label_smoothing"), "signature"),
    "self itself": (METHOD.replace("self.beta * rho", "helper(self, rho)"), "signature"),
    "broken code": (METHOD.replace("return", "return return"), "syntax"),
    "broken code in prose": (PROSE.format(METHOD.replace("    return -", "    return - ) ")), "syntax"),
    "broken code in a fence": (PROSE.format(f"```python\n{METHOD.replace('rho)', 'rho')}```"), "syntax"),
    "a decorator": ("@torch.no_grad()\n" + METHOD, "forbidden"),
    "too long": ("#" * 100_000, "forbidden"),
    "nested json": ("[" * 100_00, "no-code"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_with_a_code(name: str) -> None:
    text, code = REFUSED[name]
    with pytest.raises(LossRejected) as caught:
        to_file_form(text)
    assert caught.value.code == code in REJECTION_CODES, str(caught.value)
    assert caught.value.message


def test_says_where_broken_code_breaks() -> None:
    text = "Prose.\n\n```python\nimport torch\n\ndef f(self, x):\n    return ((x)\n```\n"
    with pytest.raises(LossRejected) as caught:
        to_file_form(text)
    assert caught.value.line == 7


def test_damaged_text_is_refused_or_understood_and_never_an_error() -> None:
    """Six hundred texts with pieces cut out, put in and moved about: only LossRejected, and the result stays itself."""
    chance = random.Random(7)
    texts = [text for text, _ in FORMS.values()] + [KTO, *(path.read_text() for path in CATALOGUE)]
    pieces = [
        "\n",
        "    ",
        "(",
        ")",
        "'",
        '"""',
        ":",
        "def f(",
        "```",
        "{",
        "lambda ",
        "#",
        "@",
        "return ",
        "class A:\n",
        "é",
    ]
    understood = 0
    for _ in range(600):
        text = chance.choice(texts)
        for _ in range(chance.randint(1, 4)):
            at, kind = chance.randrange(len(text) + 1), chance.random()
            if kind < 0.4:
                text = text[:at] + chance.choice(pieces) + text[at:]
            elif kind < 0.8:
                text = text[:at] + text[at + chance.randint(1, 30) :]
            else:
                lines = text.split("\n")
                lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))
                text = "\n".join(lines)
        try:
            form = to_file_form(text)
        except LossRejected:
            continue
        violations(form.source)
        understood += 1
        assert to_file_form(form.source).source == form.source
        assert len(form.original_lines) == form.source.count("\n")
    assert understood > 100
