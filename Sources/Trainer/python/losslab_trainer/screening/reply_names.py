"""What a loss is called: by its author where that says something, otherwise by what it computes."""

from __future__ import annotations

import ast
import re
import unicodedata

from losslab_trainer.screening.word_sets import words

_TELLS_NOTHING = re.compile(
    r"(the|my|our|your|a|an|new|novel|custom|improved|better|best|proposed|simple|example|final|modified|enhanced"
    r"|updated|candidate|dpo|preference|policy|compute|calculate|calc|get|forward|call|fn|func|function|[a-z]|loss|losses|name"
    r"|short|lower|case|kebab|snake|unnamed|untitled|none|null|todo|placeholder|string|text|value|title|id|python"
    r"|method|variant|version|v|and|of|it|here|init|some|any|answer|code|idea|ver|[0-9]+|v[0-9]+|step[0-9]*)"
)
_ANNOUNCED = re.compile(r"(?mi)^[#*\-\s\d.]*(?:loss )?name[*_`\"]*[ \t]*[:=][*_`\"\s]*([A-Za-z][\w\- ]{0,58})")
_TAGGED = re.compile(r"(?is)<name>(.*?)</name>")
_LONGEST = 40
_MOST_ALIKE = 1000
# Functions that say little about a loss's form.
_PLUMBING = words(
    """
    mean sum stack cat zeros ones zeros_like ones_like full_like full tensor as_tensor detach clone float double
    to unsqueeze squeeze reshape view expand expand_as size dim numel item type_as no_grad arange neg mul add
    sub div isfinite finfo contiguous append range len min max dtype
    """
)
_RENAMED = {"pow": "power", "clamp": "clamp", "clip": "clamp", "maximum": "max", "minimum": "min", "sqrt": "root",
            "nan_to_num": "", "where": "where", "absolute": "abs", "log_softmax": "logsoftmax"}  # fmt: skip


def worth_keeping(name: str | None, prompt: str = "") -> str | None:
    """The name as a slug, unless it says nothing or stands in the prompt, from which it was copied."""
    if name is None:
        return None
    made = slug(name)
    words = [word for word in re.split(r"[-_]+", made) if word]
    if all(_TELLS_NOTHING.fullmatch(word) for word in words) or len(made) < 2:
        return None
    return None if stands_in(name, prompt) else made


def stands_in(name: str, prompt: str) -> bool:
    """Whether a name stands in the prompt word for word, as written or as a slug."""
    either = f"{re.escape(name.strip().lower())}|{re.escape(slug(name))}"
    # A function that the shown code calls, as in torch.tanh(...), is no loss's name.
    return bool(prompt) and re.search(rf"(?<![\w.-])({either})(?![\w(-])", prompt.lower()) is not None


def slug(name: str) -> str:
    """Lower-case letters, digits, ``-`` and ``_``, beginning with a letter."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", plain).lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).lstrip("-_0123456789")[:_LONGEST].rstrip("-_")


def announced(prose: str) -> str | None:
    """A line such as ``**Name:** smooth-margin``, or a tag."""
    match = _TAGGED.search(prose) or _ANNOUNCED.search(prose)
    return match[1].strip() if match is not None else None


def made(loss: ast.AST, shape: dict[str, object] | None = None, prompt: str = "") -> str:
    """A name from the functions that the loss calls, in their order, and from its measured shape."""
    words: list[str] = []
    for word in _operations(loss):
        if word and word not in words:
            words.append(word)
    words = words[:3] or ["linear"]
    if shape is not None:
        if shape.get("batchCoupled") is True:
            words.insert(0, "batch")
        if shape.get("referenceFree") is True:
            words.append("reference-free")
    name = "-".join(words)[:_LONGEST].rstrip("-")
    numbered = (f"{name[: _LONGEST - 4].rstrip('-')}-{number}" for number in range(2, _MOST_ALIKE))
    return next((n for n in (name, *numbered) if not stands_in(n, prompt)), name)


def _operations(loss: ast.AST) -> list[str]:
    found: list[tuple[int, int, str]] = []
    for node in ast.walk(loss):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name = node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            exponent = node.right.value if isinstance(node.right, ast.Constant) else None
            name = "square" if exponent in (2, 2.0) else "power"
        else:
            continue
        if name not in _PLUMBING:
            said = node.func if isinstance(node, ast.Call) else node  # in the order in which they are read
            place = (said.end_lineno or node.lineno, said.end_col_offset or node.col_offset)
            found.append((*place, _RENAMED.get(name, name.lower().strip("_").replace("_", "-"))))
    return [name for _, _, name in sorted(found)]
