"""A loss with the opposite sign: what an objective to be maximised becomes when it is to be minimised."""

from __future__ import annotations

import ast
from dataclasses import replace

from losslab_trainer.screening.forms import FileForm
from losslab_trainer.screening.parsing import parse
from losslab_trainer.screening.rewrite import SourceText, returned


def turned(form: FileForm) -> FileForm | None:
    """The same lines with the sign of every returned value changed; ``None`` where a value is no plain expression."""
    function = next(
        (node for node in parse(form.source).body if isinstance(node, ast.FunctionDef) and node.name == "loss"), None
    )
    values = [statement.value for statement in returned(function)] if function is not None else []
    source = SourceText(form.source)
    for value in values:
        if value is None or isinstance(value, ast.Tuple | ast.Constant):
            return None
        if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
            source.replace(source.start(value), source.start(value) + 1, "")
        else:
            source.replace(source.start(value), source.end(value), f"-({source.slice(value)})")
    text, _ = source.rendered(0, len(form.source))
    return replace(form, source=text) if values else None
