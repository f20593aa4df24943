"""What stands around a loss in a reply is told apart from it: thoughts, baselines, tests, other blocks and signs."""

from __future__ import annotations

import json

import pytest
from losslab_trainer.screening.extract import Reply
from reading import DPO_CODE, HEAD, HINGE_CODE, MARGIN, NAMES, RHO, Case, check, dpo, hinge

CUT = Reply(cut_off=True)
DPO_NAMED = DPO_CODE.replace("def loss", "def dpo_loss")
BETTER = HINGE_CODE.replace("def loss", "def better_loss")


def fenced(code: str, language: str = "python") -> str:
    return f"```{language}\n{code}```\n"


TRAINER = f"""class MyTrainer(DPOTrainer):
    def dpo_loss(self, {NAMES}):
        return policy_chosen_logps * 0

    def compute_loss(self, model, inputs):
        return self.dpo_loss(*inputs)
"""
GRADIENT = f"def loss_gradient({NAMES}, beta):\n{RHO}    return -beta * torch.sigmoid(-beta * rho)\n"
TEST = f"def test_loss({NAMES.replace(',', '=None,')}=None):\n    assert loss(1, 2, 3, 4, 0.1) > 0\n"
USAGE = "policy_chosen_logps = torch.tensor([-1.0, -2.0])\nbeta = 0.1\nprint(loss(policy_chosen_logps))\n"

WRONG_BLOCK: dict[str, Case] = {
    "a test function behind": Case(fenced(HINGE_CODE) + "Test it:\n" + fenced(TEST), hinge),
    "a test function in the same block": Case(fenced(HINGE_CODE + "\n\n" + TEST), hinge, ("trimmed",)),
    "a test class behind": Case(
        fenced(HINGE_CODE) + fenced(f"class TestLoss(unittest.TestCase):\n    def check(self, {NAMES}): return 1\n"),
        hinge,
    ),
    "a gradient behind": Case(fenced(HINGE_CODE) + "Its gradient is\n" + fenced(GRADIENT), hinge),
    "a gradient in the same block": Case(fenced(HINGE_CODE + "\n" + GRADIENT), hinge),
    "a usage example behind": Case(fenced(HINGE_CODE) + "Usage:\n" + fenced(USAGE), hinge),
    "a usage example that sets a constant of the loss": Case(
        fenced("SCALE = 1.0\n" + HINGE_CODE.replace("1 - beta", "SCALE - beta")) + fenced("SCALE = 5.0\n" + USAGE),
        hinge,
    ),
    "a usage example that does not parse": Case(fenced(HINGE_CODE) + fenced("losses = loss(...\n"), hinge),
    "a trainer behind": Case(fenced(HINGE_CODE) + "In TRL:\n" + fenced(TRAINER), hinge),
    "a trainer in the same block": Case(fenced(HINGE_CODE + "\n" + TRAINER), hinge),
    "a baseline before": Case("DPO is\n" + fenced(DPO_NAMED) + "Mine:\n" + fenced(BETTER), hinge),
    "a baseline before, in one block": Case(fenced(DPO_NAMED + "\n\n" + BETTER), hinge, ("trimmed",)),
    "a baseline before of the same name": Case(fenced(DPO_CODE) + fenced(HINGE_CODE), hinge),
    "a baseline that is called": Case(
        fenced(DPO_NAMED + f"def mine({NAMES}, beta):\n    return dpo_loss({NAMES}, beta) * 1.0\n"), dpo
    ),
    "a baseline behind, by its name": Case(
        fenced(BETTER) + fenced(DPO_CODE.replace("def loss", "def baseline_loss")), hinge
    ),
    "a baseline in the prompt and behind": Case(
        fenced(BETTER) + "For comparison:\n" + fenced(DPO_CODE), hinge, reply=Reply(shown=(DPO_CODE,))
    ),
    "json, then a better one in a fence": Case(
        json.dumps({"code": DPO_CODE}) + "\nOr better:\n" + fenced(HINGE_CODE), hinge
    ),
    "a fence, then a better one in json": Case(fenced(DPO_CODE) + json.dumps({"code": HINGE_CODE}), hinge, ("json",)),
    "two json answers": Case(json.dumps({"code": DPO_CODE}) + "\n" + json.dumps({"code": HINGE_CODE}), hinge),
    "three fences": Case(fenced(DPO_CODE) + fenced(DPO_NAMED) + "text\n" + fenced(HINGE_CODE), hinge),
    "a lone closing fence": Case(HINGE_CODE + "```\nThis loss is bounded, isn't it?\n", hinge),
    "a lone closing fence, then an example": Case(HINGE_CODE + "```\nUse it so:\n" + fenced(USAGE), hinge),
    "a fence closed on the line of the code": Case("```python\n" + HINGE_CODE.rstrip() + "```\nDone.\n", hinge),
    "a fence that was forgotten between two": Case("```python\n" + DPO_NAMED + fenced(HINGE_CODE), hinge),
    "a helper's block behind": Case(
        fenced(HINGE_CODE.replace("torch.relu", "bent"))
        + "where\n"
        + fenced("def bent(x):\n    return torch.relu(x)\n"),
        hinge,
    ),
    "a helper's block before": Case(
        fenced("def bent(x):\n    return torch.relu(x)\n") + fenced(HINGE_CODE.replace("torch.relu", "bent")), hinge
    ),
    "a reference-free loss behind a baseline": Case(
        fenced(DPO_NAMED)
        + fenced(
            "def simple_loss(policy_chosen_logps, policy_rejected_logps, beta):\n"
            "    return torch.relu(1 - beta * (policy_chosen_logps - policy_rejected_logps))\n"
        ),
        lambda pc, pr, rc, rr, beta: hinge(pc, pr, 0 * rc, 0 * rr, beta),
    ),
    "a helper of two behind the loss": Case(
        fenced(HINGE_CODE + "\ndef gap(policy_chosen, policy_rejected):\n    return policy_chosen - policy_rejected\n"),
        hinge,
    ),
    "a second version that is broken": Case(
        fenced(DPO_CODE) + "Better:\n" + fenced(HINGE_CODE.replace("rho)", "rho")), "syntax"
    ),
    "shell commands and output around": Case(
        fenced("pip install torch\n", "bash") + fenced(HINGE_CODE) + fenced("tensor([0.69])\n", "text"), hinge
    ),
    "a diff of itself": Case(fenced("".join(f"+{line}\n" for line in HINGE_CODE.splitlines()), "diff"), hinge),
    "a helper that is called loss": Case(
        fenced(
            "def loss(x):\n    return torch.relu(x)\n\ndef bent_margin" + HINGE_CODE[8:].replace("torch.relu", "loss")
        ),
        hinge,
        ("helpers",),
    ),
    "a baseline that is called loss and used": Case(
        fenced(DPO_CODE + f"\ndef scaled({NAMES}, beta):\n    return loss({NAMES}, beta) / 1.0\n"), dpo, ("helpers",)
    ),
    "a wrapper in another order": Case(
        HINGE_CODE
        + "\ndef mine(log_pi_yw, log_ref_yw, log_pi_yl, log_ref_yl, beta):\n"
        + "    return loss(log_pi_yw, log_pi_yl, log_ref_yw, log_ref_yl, beta)\n",
        hinge,
        ("helpers", "parameters"),
    ),
    "a constant that is called loss": Case(
        fenced("loss = 1\ndef bent" + HINGE_CODE[8:].replace("(1 -", "(loss -")), hinge, ("helpers",)
    ),
}


@pytest.mark.parametrize("name", WRONG_BLOCK)
def test_the_block_with_the_loss_is_found(name: str) -> None:
    check(WRONG_BLOCK[name])


BOTH = fenced(DPO_CODE)
THOUGHTS: dict[str, Case] = {
    "code in thoughts": Case(f"<think>\nMaybe\n{BOTH}or better.\n</think>\n{fenced(HINGE_CODE)}", hinge),
    "only the closing mark": Case(f"Maybe\n{BOTH}or better.\n</think>\n\n{fenced(HINGE_CODE)}", hinge),
    "square brackets": Case(f"[THINK]{BOTH}[/THINK]{fenced(HINGE_CODE)}", hinge),
    "seed": Case(f"<seed:think>{BOTH}</seed:think>\n{fenced(HINGE_CODE)}", hinge),
    "thinking": Case(f"<thinking>{BOTH}</thinking>\n{fenced(HINGE_CODE)}", hinge),
    "several": Case(f"<think>a</think>\n<think>\n{BOTH}</think>\n{fenced(HINGE_CODE)}", hinge),
    "channels": Case(
        f"<|channel|>analysis<|message|>{BOTH}<|end|><|start|>assistant<|channel|>final<|message|>{fenced(HINGE_CODE)}"
        "<|return|>",
        hinge,
    ),
    "channels without their marks": Case(f"analysisWe need code.\n{BOTH}\nassistantfinal{fenced(HINGE_CODE)}", hinge),
    "kimi": Case(f"◁think▷{BOTH}◁/think▷{fenced(HINGE_CODE)}", hinge),
    "code only in thoughts": Case(f"<think>\n{BOTH}</think>\n", "thoughts-only"),
    "thoughts that never end": Case(f"<think>\nI could write\n{BOTH}", "thoughts-only"),
    "square brackets that never end": Case(f"[THINK]\n{BOTH}", "thoughts-only"),
    "no final channel": Case(f"<|channel|>analysis<|message|>{BOTH}<|end|>", "thoughts-only"),
    "code in thoughts, words behind": Case(f"<think>\n{BOTH}</think>\nI would use DPO.", "no-code"),
    "the mere word in prose": Case(f"Without any `<think>` or <think> tags:\n{fenced(HINGE_CODE)}", hinge),
    "the word at a line's start": Case(f"I answer without\n<think> tags, as asked:\n{fenced(HINGE_CODE)}", hinge),
    "both words in prose": Case(f"I use no `<think>`...`</think>` here.\n{fenced(HINGE_CODE)}", hinge),
    "the word in a comment": Case(HINGE_CODE.replace("    return", "    # <think> not </think>\n    return"), hinge),
}


@pytest.mark.parametrize("name", THOUGHTS)
def test_thoughts_are_never_the_answer(name: str) -> None:
    check(THOUGHTS[name])


HALF = MARGIN + "    base = -F.logsigmoid(beta * rho)\n    return base"
VERSIONS = HINGE_CODE.replace("def loss", "def loss_v2")
NEXT = DPO_CODE.replace("def loss", "def loss_v3")
PROMPT = DPO_CODE.replace("def loss", "def loss_v1") + "\n\ndef loss_v2(" + NAMES + ", beta):\n"
CUT_OFF: dict[str, Case] = {
    "an open block": Case("```python\n" + HALF, "cut-off", reply=CUT),
    "an open block that ends with a line": Case("```python\n" + HALF + "\n", "cut-off", reply=CUT),
    "an open block, the server says it is whole": Case("```python\n" + HALF, dpo),
    "a closed block": Case(fenced(HINGE_CODE), hinge, reply=CUT),
    "a closed block and half a sentence": Case(fenced(HINGE_CODE) + "This loss has the adv", hinge, reply=CUT),
    "a closed block and half an example": Case(
        fenced(HINGE_CODE) + "Use:\n```python\nlosses = loss(", hinge, reply=CUT
    ),
    "a closed block and half a test": Case(
        fenced(HINGE_CODE) + "```python\ndef test_loss():\n    assert loss(1, 2", hinge, reply=CUT
    ),
    "a closed baseline and half a loss": Case(
        fenced(DPO_CODE) + "Mine:\n```python\n" + HEAD + RHO + "    return torch.relu(", "cut-off", reply=CUT
    ),
    "a closed baseline and half a signature": Case(
        fenced(DPO_CODE) + "Mine:\n```python\ndef loss(policy_chosen_logps, policy_rejec", "cut-off", reply=CUT
    ),
    "an open block with the loss and half a test": Case(
        "```python\n" + HINGE_CODE + "\n\ndef test_loss():\n    assert loss(1, 2", hinge, reply=CUT
    ),
    "an open block with a baseline and half a loss": Case(
        "```python\n" + DPO_NAMED + "\n\ndef better_loss(" + NAMES + ", beta):\n    return torch.relu(",
        "cut-off",
        reply=CUT,
    ),
    "bare code": Case(HALF, "cut-off", reply=CUT),
    "bare code, whole": Case(HALF, dpo),
    "bare code with something behind": Case(HINGE_CODE + "\n\nprint(loss", hinge, reply=CUT),
    "json within its code": Case(json.dumps({"name": "x", "code": DPO_CODE})[:-40], "cut-off", reply=CUT),
    "json within its code, unnoticed": Case(json.dumps({"name": "x", "code": DPO_CODE})[:-40], "cut-off"),
    "json behind its code": Case('{"code": ' + json.dumps(HINGE_CODE) + ', "note": "because', hinge, reply=CUT),
    "before any code": Case("The scores show that", "cut-off", reply=CUT),
    "nothing": Case("", "empty", reply=CUT),
    "white space": Case(" \n\t\n", "empty"),
    "words": Case("I would add a margin.", "no-code"),
    "a refusal": Case("I'm sorry, but I can't help with that.", "no-code"),
    "a formula": Case(r"$$L = -\log \sigma(\beta \rho)$$", "no-code"),
    "another language": Case(fenced("function loss(a, b) { return a - b; }\n", "js"), "no-code"),
    "a placeholder": Case('{"name": "x", "code": "...the whole function..."}', "no-code"),
    "completion with the next version": Case(VERSIONS + "\n\n" + NEXT, hinge, reply=Reply(prompt=PROMPT)),
    "completion with the next version, no prompt": Case(VERSIONS + "\n\n" + NEXT, hinge),
    "completion with half the next version": Case(VERSIONS + "\n\n" + NEXT[:-30], hinge, reply=Reply(True, (), PROMPT)),
    "completion with the next signature": Case(
        VERSIONS + "\n\ndef loss_v3(" + NAMES, hinge, reply=Reply(True, (), PROMPT)
    ),
    "completion with itself again": Case(
        VERSIONS + "\n\n" + NEXT.replace("v3", "v2"), hinge, reply=Reply(prompt=PROMPT)
    ),
    "completion with usage": Case(VERSIONS + "\n\n# Example usage\n" + USAGE, hinge, reply=Reply(prompt=PROMPT)),
    "completion with words": Case(VERSIONS + "\n\nThis version isn't like v1.", hinge, reply=Reply(prompt=PROMPT)),
    "completion with a fence": Case(VERSIONS + "```\n\nThis version isn't like v1.", hinge, reply=Reply(prompt=PROMPT)),
    "completion with another file": Case(VERSIONS + "<|file_sep|>" + NEXT.replace("v3", "v2"), hinge),
    "completion cut off": Case(VERSIONS.rstrip(), "cut-off", reply=Reply(True, (), PROMPT)),
    "chat with both versions": Case(
        fenced(NEXT.replace("v3", "v1") + "\n\n" + VERSIONS), hinge, reply=Reply(prompt="x")
    ),
}


@pytest.mark.parametrize("name", CUT_OFF)
def test_half_a_loss_is_none(name: str) -> None:
    check(CUT_OFF[name])


DOCSTRING = HINGE_CODE.replace(
    "    rho", '    """Bent.\n\n    ```python\n    loss(a, b, c, d, 0.1)\n    ```\n    """\n    rho', 1
)
LATEX = HINGE_CODE.replace(
    "    return", "    # \\rho is the margin, \\beta its scale, \\frac{a}{b} \\tau \\nabla\n    x = 1.0\n    return"
)
RAW = HINGE_CODE.replace("\n", "\\n")
TEXT: dict[str, Case] = {
    "a fence in a docstring": Case(fenced(DOCSTRING) + "Good?\n", hinge, ("fenced",)),
    "a fence in a docstring, unfenced": Case(DOCSTRING, hinge),
    "a fence in a docstring, never closed": Case("```python\n" + DOCSTRING, hinge),
    "a fence in a comment": Case(fenced(HINGE_CODE.replace("    rho", "    # ```\n    rho", 1)), hinge),
    "latex in json": Case('{"thought": "\\rho", "code": "' + LATEX.replace("\n", "\\n") + '"}', hinge, ("json",)),
    "latex in a json docstring": Case(
        '{"code": "' + RAW.replace("    rho", "    r'''-\\log\\sigma(\\beta\\rho)'''\\n    rho", 1) + '"}', hinge
    ),
    "latex in a docstring": Case(
        fenced(HINGE_CODE.replace("    rho", '    """\\underbrace{\\rho} \\nu \\xi"""\n    rho', 1)),
        hinge,
        ("escapes",),
    ),
    "escaped latex in json": Case(json.dumps({"code": LATEX}), hinge),
    "non-breaking spaces": Case(fenced(HINGE_CODE.replace(" ", "\u00a0")), hinge),
    "zero-width spaces": Case(fenced(HINGE_CODE.replace("rho", "rho\u200b").replace("(", "\u2060(")), hinge),
    "a byte order mark within": Case(fenced("\ufeff" + HINGE_CODE), hinge),
    "unicode minus": Case(fenced(HINGE_CODE.replace(" - ", " \u2212 ")), hinge),
    "en dash": Case(fenced(HINGE_CODE.replace(" - ", " \u2013 ")), hinge, ("signs",)),
    "times sign": Case(fenced(HINGE_CODE.replace(" * ", " \u00d7 ")), hinge, ("signs",)),
    "typographic quotes": Case(
        fenced(HINGE_CODE.replace("    rho", "    \u201c\u201d\u201cMine.\u201d\u201d\u201d\n    rho", 1)),
        hinge,
        ("signs",),
    ),
    "typographic quotes in bare code": Case(
        "Here it\u2019s:\n\n" + HINGE_CODE.replace("    rho", "    \u201cMine.\u201d\n    rho", 1), hinge
    ),
    "line separators": Case(HINGE_CODE.replace("\n", "\u2028"), hinge),
    "block quotes": Case("".join(f"> {line}\n" for line in fenced(HINGE_CODE).splitlines()), hinge),
    "block quotes without fences": Case(
        "Mine:\n\n" + "".join(f"> {line}\n" for line in HINGE_CODE.splitlines()), hinge
    ),
    "a shell's prompts": Case(fenced(">>> " + HINGE_CODE.strip().replace("\n", "\n... ") + "\n"), hinge, ("prompts",)),
    "numbered lines": Case(
        fenced("".join(f"{n}: {line}\n" for n, line in enumerate(HINGE_CODE.splitlines(), 1))), hinge, ("prompts",)
    ),
    "a notebook's commands": Case(fenced("!pip install torch\n%matplotlib inline\n" + HINGE_CODE), hinge, ("magics",)),
    "a title on the fence": Case('```python title="loss.py"\n' + HINGE_CODE + "```\n", hinge),
    "four backticks": Case("````python\n" + HINGE_CODE + "````\n", hinge),
    "a head in single backticks": Case(f"`{HEAD.strip()}` is its head.\n" + fenced(HINGE_CODE), hinge),
    "tabs": Case(HINGE_CODE.replace("    ", "\t"), hinge),
    "trailing comma": Case('{"name": "x", "code": "' + RAW + '",}', hinge, ("json",)),
    "single quotes": Case("{'name': 'x', 'code': '" + RAW + "'}", hinge, ("json",)),
    "triple quotes": Case('{"name": "x", "code": """\n' + HINGE_CODE + '"""}', hinge, ("json",)),
    "triple single quotes": Case("{'name': 'x', 'code': '''\n" + HINGE_CODE + "'''}", hinge, ("json",)),
    "quotes within quotes": Case(
        '{"code": "' + HINGE_CODE.replace("    rho", '    assert "a", "b"\n    rho', 1) + '"}', hinge, ("json",)
    ),
    "a docstring within quotes": Case(
        '{"code": "' + HINGE_CODE.replace("    rho", '    """Bent, "so"."""\n    rho', 1) + '", "name": "x"}', hinge
    ),
    "a dict within quotes": Case(
        '{"code": "' + HINGE_CODE.replace("    rho", '    k = {"a": 1}["a"]\n    rho', 1) + '"}', hinge
    ),
    "a list of lines": Case(json.dumps({"code": HINGE_CODE.splitlines()}), hinge, ("json",)),
    "a list of lines, trailing comma": Case(
        '{"code": [' + ", ".join(json.dumps(line) for line in HINGE_CODE.splitlines()) + ",],}", hinge, ("json",)
    ),
    "prose around json": Case("Here {it} is: " + json.dumps({"code": HINGE_CODE}) + " {good}?", hinge, ("json",)),
    "json in a fence in prose": Case(
        "So:\n" + fenced(json.dumps({"code": HINGE_CODE}, indent=1) + "\n", "json"), hinge
    ),
    "json whose code is fenced": Case(json.dumps({"code": "Code:\n" + fenced(HINGE_CODE)}), hinge),
    "json with comments": Case('{// mine\n"code": "' + RAW + '" /* end */}', hinge),
    "bare keys": Case('{name: "x", code: "' + RAW + '"}', hinge),
    "no closing brace": Case('{"name": "x", "code": "' + RAW + '"', hinge),
    "nested json": Case(json.dumps({"answer": [{"code": HINGE_CODE}]}), hinge),
    "a python dict of the loss in a block": Case(fenced(HINGE_CODE + 'TABLE = {"code": "def f(): pass"}\n'), hinge),
    "escaped twice": Case(json.dumps({"code": RAW}), hinge),
    "tags": Case(f"<thought>x</thought><code>\n{HINGE_CODE}</code>", hinge, ("tagged",)),
    "tags around a fence": Case(f"<answer>\n{fenced(HINGE_CODE)}</answer>", hinge),
    "code in quotes": Case(fenced('"""\n' + HINGE_CODE + '"""\n'), hinge, ("quoted",)),
    "markers of a template": Case(
        "<|im_start|>assistant\n" + fenced(HINGE_CODE) + "<|im_end|>\n<|im_start|>user\nHi", hinge
    ),
    "the next turn": Case(fenced(HINGE_CODE) + "<|im_end|>\n<|im_start|>assistant\n" + fenced(DPO_CODE), hinge),
}


@pytest.mark.parametrize("name", TEXT)
def test_the_text_is_read_as_it_was_meant(name: str) -> None:
    check(TEXT[name])
