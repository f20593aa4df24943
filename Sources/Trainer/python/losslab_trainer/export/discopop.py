"""The form in which DiscoPOP publishes its losses: one method of four log-probabilities, with ``self.beta``.

Constants and helpers move into the method, so that it can be pasted into a trainer class whose module imports torch
and torch.nn.functional as F. The file's header stays above it as a comment: `losslab loss import` reads it back.
"""

from __future__ import annotations

import ast
import textwrap

from losslab_trainer.export.parts import LossParts, body_lines, rebinds_beta
from losslab_trainer.screening.locate import BETA, LOGPS
from losslab_trainer.screening.rewrite import SourceText

INDENT = "    "


def to_discopop(parts: LossParts) -> str:
    name = parts.name.replace("-", "_")
    parameters = "\n".join(f"{INDENT}{logps}: torch.FloatTensor," for logps in LOGPS)
    signature = f"def {name}(\n{INDENT}self,\n{parameters}\n) -> torch.FloatTensor:"
    documented = _docstring(parts)
    rebound = rebinds_beta(parts.function)
    inner = [*parts.helpers, *([f"{BETA} = self.{BETA}"] if rebound else [])]
    body = [textwrap.indent(text, INDENT) for text in inner] + [_body(parts, rebound)]
    return "\n".join([parts.header_text + "\n".join(_imports(parts)), "", "", signature, *documented, *body]) + "\n"


def _imports(parts: LossParts) -> list[str]:
    """The file's own, and torch, which the signature names; without Tensor where only the old signature had it."""
    text = "\n".join([*parts.helpers, *(ast.unparse(statement) for statement in parts.function.body)])
    kept = [line for line in parts.imports if line != "from torch import Tensor" or "Tensor" in text]
    return ["import torch", *(line for line in kept if line != "import torch")]


def _docstring(parts: LossParts) -> list[str]:
    own = ast.get_docstring(parts.function)
    text = own or parts.docstring
    if not text:
        return []
    quoted = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    lines = quoted.split("\n")
    if len(lines) == 1:
        return [f'{INDENT}"""{quoted}"""']
    return [textwrap.indent(f'"""{quoted}\n"""', INDENT)]


def _body(parts: LossParts, rebound: bool) -> str:
    first, last = body_lines(parts)
    if ast.get_docstring(parts.function):
        first = (parts.function.body[0].end_lineno or first) + 1
    whole = SourceText("\n".join(parts.lines))
    if not rebound:
        for node in ast.walk(parts.function):
            if isinstance(node, ast.Name) and node.id == BETA:
                whole.replace(whole.start(node), whole.end(node), f"self.{BETA}")
    start, end = whole.place(first, 0), whole.end(parts.function)
    comment = parts.lines[last - 1][parts.function.end_col_offset or 0 :]
    text, _ = whole.rendered(start, end)
    return textwrap.indent(textwrap.dedent(text), INDENT) + (comment if comment.strip().startswith("#") else "")
