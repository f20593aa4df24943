"""Any form in which a loss is written -> the file form: one pure function ``loss`` of four log-probabilities and beta.

What is understood, and the word reported for it in ``FileForm.forms``:

    file      already the file form: nothing is changed          renamed     a function under another name
    json, escaped, fenced, prose, indented (see extract.py)      parameters  other parameter names or order
    method    ``self`` first, ``self.beta``                      class       a method of a class
    constants parameters with defaults become constants          imports     torch, F, math used but never imported
    tuple     (losses, chosen rewards, rejected rewards) -> losses
    folded    torch.cat of two (B,) halves -> their mean, (a + b) / 2: the mean over B is the mean over 2B
    trimmed   code that the loss does not use (examples, tests, prints) is left out

Whether the result is *allowed* is the gate's question, not asked here.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import header as headers
from losslab_trainer.screening.classes import lifted
from losslab_trainer.screening.extract import python_in
from losslab_trainer.screening.locate import BETA, LOGPS, Located, locate
from losslab_trainer.screening.modules import Kept, kept_statements, missing_imports
from losslab_trainer.screening.parsing import parse
from losslab_trainer.screening.rewrite import SourceText, body_start, concatenated_halves, returned

SIGNATURE = f"""def loss(
    {LOGPS[0]}: Tensor,  # (B,) nats, summed over completion tokens
    {LOGPS[1]}: Tensor,  # (B,)
    {LOGPS[2]}: Tensor,  # (B,) no gradient
    {LOGPS[3]}: Tensor,  # (B,) no gradient
    {BETA}: float,
) -> Tensor:  # (B,) one loss value per pair"""


@dataclass(frozen=True)
class FileForm:
    """A loss in file form, and how it got there."""

    source: str
    name: str
    header: Mapping[str, headers.Value]
    forms: list[str]
    original_lines: list[int | None]  # for each line of ``source``, the line of the given text that it stems from

    def original_line(self, line: int | None) -> int | None:
        if line is None or not 1 <= line <= len(self.original_lines):
            return None
        return self.original_lines[line - 1]


def to_file_form(text: str, name: str | None = None, header: Mapping[str, headers.Value] | None = None) -> FileForm:
    """Finds the loss in the text and writes it in file form. Raises LossRejected with lines of the given text.

    ``name`` and ``header`` win over what the text's own header says.
    """
    code, forms = python_in(text)
    own = headers.read(code.lstrip("\n"))
    tree = parse(code)
    located = locate(tree)
    fields = _fields(own, located, name, header)
    if _is_file_form(tree, located, code):
        return _unchanged(code, own, fields, forms)
    kept_lines: list[int] | None = None
    if located.owner is not None:
        forms.append("class")
        code, kept_lines = lifted(code, tree, located)
        tree = parse(code)
        located = locate(tree)
    source = SourceText(code)
    function, lines = _loss_function(source, located, forms)
    kept = kept_statements(source, tree, located.function)
    if kept.trimmed:
        forms.append("trimmed")
    form = _assembled(fields, kept, function, lines, forms)
    if kept_lines is not None:
        moved = [None if line is None else kept_lines[line - 1] for line in form.original_lines]
        form = FileForm(form.source, form.name, form.header, form.forms, moved)
    return form


def _fields(
    own: Mapping[str, headers.Value], located: Located, name: str | None, header: Mapping[str, headers.Value] | None
) -> dict[str, headers.Value]:
    written = own.get("name")
    default = located.owner.name if located.owner is not None else located.function.name
    given = header.get("name") if header is not None else None
    chosen = next((str(n) for n in (name, given, written) if n), default)
    return headers.clean({**own, **(header or {}), "name": chosen})


def _is_file_form(tree: ast.Module, located: Located, code: str) -> bool:
    function = located.function
    parameters = [a.arg for a in function.args.args]
    plain = not (function.args.posonlyargs or function.args.kwonlyargs or function.args.kwarg or function.args.defaults)
    known = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.Assign | ast.AnnAssign
    return (
        located.owner is None
        and function.name == "loss"
        and plain
        and parameters == [*LOGPS, BETA]
        and not function.decorator_list
        and all(isinstance(node, known) or _is_docstring(node) for node in tree.body)
        and not any(isinstance(node.value, ast.Tuple) for node in returned(function))
        and concatenated_halves(function) is None
        and not missing_imports(tree)
    )


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _unchanged(
    code: str, own: Mapping[str, headers.Value], fields: Mapping[str, headers.Value], forms: list[str]
) -> FileForm:
    text = code.lstrip("\n")
    skipped = code[: len(code) - len(text)].count("\n")
    text = text.rstrip() + "\n"
    lines: list[int | None] = [skipped + i for i in range(1, text.count("\n") + 1)]
    if own and own == fields:
        return FileForm(text, str(fields["name"]), fields, [*forms, "file"], lines)
    top = headers.write(fields)
    taken = headers.length(text)
    body = "\n".join(text.split("\n")[taken:])
    originals: list[int | None] = [None] * top.count("\n")
    return FileForm(top + body, str(fields["name"]), fields, [*forms, "file"], originals + lines[taken:])


def _loss_function(source: SourceText, located: Located, forms: list[str]) -> tuple[str, list[int]]:
    """The loss function's text in file form, and the original line of each of its lines."""
    function = located.function
    _refuse_decorators(function)
    start, body = source.place(function.lineno, function.col_offset), body_start(source, function)
    on_same_line = "\n" not in source.text[body : source.start(function.body[0])]
    source.replace(start, source.start(function.body[0]) if on_same_line else body, SIGNATURE + "\n    " * on_same_line)
    if function.name != "loss":
        forms.append("renamed")
    if located.self_name is not None:
        forms.append("method")
        _without_self(source, function, located.self_name)
    _with_prelude(source, located, forms)
    for statement in returned(function):
        if isinstance(statement.value, ast.Tuple) and statement.value.elts:
            first = statement.value.elts[0]
            source.replace(source.start(statement.value), source.start(first), "(")
            source.replace(source.end(first), source.end(statement.value), ")")
            forms.append("tuple")
    call = concatenated_halves(function)
    if call is not None and isinstance(call.args[0], ast.Tuple | ast.List):
        first, second = call.args[0].elts
        source.replace(source.start(call), source.start(first), "((")
        source.replace(source.end(first), source.start(second), ") + (")
        source.replace(source.end(second), source.end(call), ")) / 2")
        forms.append("folded")
    end = source.end(function)
    rest = source.text[end:].split("\n", 1)[0]
    return source.rendered(start, end + len(rest.rstrip()) if rest.lstrip().startswith("#") else end)


def _refuse_decorators(function: ast.FunctionDef) -> None:
    for decorator in function.decorator_list:
        text = ast.unparse(decorator)
        if text not in ("staticmethod", "torch.jit.script", "torch.compile", "torch.jit.export"):
            raise LossRejected("forbidden", f"decorator @{text}: the loss is a plain function", decorator.lineno)


def _without_self(source: SourceText, function: ast.FunctionDef, self_name: str) -> None:
    """``self.beta`` becomes ``beta``; nothing else can be known about self."""
    attributes = {
        id(node.value): node
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self_name
    }
    for node in ast.walk(function):
        if not (isinstance(node, ast.Name) and node.id == self_name):
            continue
        attribute = attributes.get(id(node))
        if attribute is None or attribute.attr != BETA:
            text = f"{self_name}.{attribute.attr}" if attribute is not None else self_name
            raise LossRejected(
                "signature",
                f"{text}: a loss knows only {self_name}.beta; write other constants as numbers",
                node.lineno,
            )
        source.replace(source.start(attribute), source.end(attribute), BETA)


def _with_prelude(source: SourceText, located: Located, forms: list[str]) -> None:
    """Names of its own for the parameters, and constants for parameters with defaults, before the first statement."""
    function = located.function
    names = [(own, standard) for own, standard in located.logps.items() if own != standard]
    if located.beta is not None and located.beta != BETA:
        names.append((located.beta, BETA))
    pairs = [names[i : i + 2] for i in range(0, len(names), 2)]
    lines = [f"{', '.join(own for own, _ in pair)} = {', '.join(standard for _, standard in pair)}" for pair in pairs]
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    constants = {name: value for name, value in located.constants.items() if name in used}
    lines += [f"{name} = {ast.unparse(value)}" for name, value in constants.items()]
    if names:
        forms.append("parameters")
    if constants:
        forms.append("constants")
    first = function.body[1] if len(function.body) > 1 and _is_docstring(function.body[0]) else function.body[0]
    place = source.start(first)
    if lines:
        indent = source.text[source.text.rfind("\n", 0, place) + 1 : place]
        joint = "; " if indent.strip() else f"\n{indent}"
        source.replace(place, place, joint.join([*lines, ""]))


def _assembled(
    fields: Mapping[str, headers.Value], kept: Kept, function: str, lines: list[int], forms: list[str]
) -> FileForm:
    """Header, docstring, imports, helpers, loss."""
    parts: list[tuple[str, list[int | None]]] = [(headers.write(fields).rstrip("\n"), [])]
    if kept.docstring is not None:
        parts.append(kept.docstring)
    parts.append(("\n" + kept.imports, []))
    after_constant = False
    for text, origins, is_function in kept.helpers:
        gap = 2 if is_function else 0 if after_constant else 1
        after_constant = not is_function
        parts.append(("\n" * gap + text, [*[None] * gap, *origins]))
    parts.append(("\n\n" + textwrap.dedent(function), [None, None, *lines]))
    if kept.added_imports:
        forms.append("imports")
    source = "\n".join(text for text, _ in parts) + "\n"
    originals: list[int | None] = []
    for text, origins in parts:
        count = text.count("\n") + 1
        originals += (origins + [None] * count)[:count]
    return FileForm(source, str(fields["name"]), fields, forms, originals)
