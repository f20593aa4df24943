"""Any form in which a loss is written -> the file form: one pure function ``loss`` of four log-probabilities and beta.

What is understood, and the word reported for it in ``FileForm.forms``:

    file      already the file form: nothing is changed          renamed     a function under another name
    json, escaped, tagged, fenced, prose, indented, signs, escapes, prompts, magics, quoted: see reply_pieces.py
    parameters  other parameter names or order
    method    ``self`` first, ``self.beta``                      class       a method of a class
    constants parameters with defaults become constants          imports     torch, F, math used but never imported
    tuple     (losses, chosen rewards, rejected rewards) -> losses
    folded    torch.cat of two (B,) halves -> their mean, (a + b) / 2: the mean over B is the mean over 2B
    trimmed   code that the loss does not use (examples, tests, baselines) is left out
    harmless  lines that cannot change the values are left out (harmless.py)
    spelling  functions under another name than torch's, such as clamp_min or torch.logsigmoid (spelling.py)
    reduced   a final mean or sum over the batch is taken off (reduction.py)
    helpers   a helper called ``loss`` has another name, since the loss itself is called so

Whether the result is *allowed* is the gate's question, not asked here.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import harmless, left_out, reduction, reply_names, spelling
from losslab_trainer.screening import header as headers
from losslab_trainer.screening import locate as locating
from losslab_trainer.screening.classes import lifted
from losslab_trainer.screening.extract import FILE, Extracted, Reply, python_in
from losslab_trainer.screening.locate import BETA, LOGPS, Located, locate
from losslab_trainer.screening.modules import Kept, kept_statements, missing_imports
from losslab_trainer.screening.parsing import parse
from losslab_trainer.screening.references import global_names
from losslab_trainer.screening.rewrite import SourceText, body_start, composed, concatenated_halves, returned

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
    thought: str | None = None  # the author's reason, where the text gives one
    is_named: bool = True  # by the caller or the text; otherwise the name is made from the code
    removed: tuple[str, ...] = ()  # what of the text is not in it
    rewritten: tuple[str, ...] = ()  # what of the text is in it in other words

    def original_line(self, line: int | None) -> int | None:
        if line is None or not 1 <= line <= len(self.original_lines):
            return None
        return self.original_lines[line - 1]


def to_file_form(
    text: str, name: str | None = None, header: Mapping[str, headers.Value] | None = None, reply: Reply = FILE
) -> FileForm:
    """Finds the loss in the text and writes it in file form. Raises LossRejected with lines of the given text.

    ``name`` and ``header`` win over what the text's own header says.
    """
    extracted = python_in(text, reply)
    forms = list(extracted.forms)
    code, mended_lines = harmless.applied(extracted.code, _MENDING, forms)
    own = headers.read(code.lstrip("\n"))
    tree = parse(code)
    located = locate(tree, extracted.first, _echoes(reply) if reply.shown else ())
    _refuse_cut_off(extracted, reply, located, code)
    title, is_named = _name(name or (header or {}).get("name"), own, located, extracted, reply)
    fields = headers.clean({**own, **(header or {}), "name": title})
    if _is_file_form(tree, located, code):
        form = _unchanged(code, own, fields, forms)
    else:
        form = _rewritten(code, tree, located, fields, forms=forms, first=extracted.first)
    lines = [None if line is None else composed([line], mended_lines)[0] for line in form.original_lines]
    given = parse(extracted.code)
    loss = left_out.function_at(given, located.function.name, composed([located.function.lineno], mended_lines)[0])
    return replace(
        form,
        original_lines=lines,
        thought=extracted.thought,
        is_named=is_named,
        removed=(*left_out.removed(given, form.source, lines, loss), *extracted.removed),
        rewritten=tuple(left_out.rewritten(extracted.code, given, form.source, lines, loss, signature=SIGNATURE)),
    )


def renamed(form: FileForm, name: str) -> FileForm:
    """The same loss under another name; its lines stay where they are."""
    fields = headers.clean({**form.header, "name": name})
    taken = headers.length(form.source)
    top = headers.write(fields)
    if taken != top.count("\n"):
        return form
    return replace(form, source=top + "".join(form.source.splitlines(keepends=True)[taken:]), name=name, header=fields)


_MENDING: dict[str, harmless.Edits] = {
    "lambda": spelling.named_lambdas,
    "harmless": harmless.harmless_statements,
    "harmless asserts": harmless.assert_messages,
    "harmless contexts": harmless.needless_contexts,
    **{f"walrus {number}": harmless.inner_assignments for number in range(1, 9)},
    "spelling": spelling.clamps,
    **{f"spelling {number}": spelling.torch_functions for number in range(1, 5)},
    "spelling of numbers": spelling.numpy_constants,
    "ellipsis": spelling.last_items,
    "free self": spelling.free_self,
    "harmless imports": harmless.unused_imports,
}


def _rewritten(
    code: str,
    tree: ast.Module,
    located: Located,
    fields: Mapping[str, headers.Value],
    *,
    forms: list[str],
    first: str | None,
) -> FileForm:
    earlier: list[int] | None = None
    if first is not None:
        code, tree, located = _only_first(code, tree, located)
    if located.owner is not None:
        forms.append("class")
        code, earlier = lifted(code, tree, located)
        tree = parse(code)
        located = locate(tree)
    if located.function.name != "loss" and any(_binds_loss(node) for node in tree.body if node is not located.function):
        other = _without_other_loss(code, tree, located)
        if other is not None:
            forms.append("helpers")
            code, name = other, located.function.name
            tree = parse(code)
            located = locate(tree, name) if located.owner is None else locate(tree)
    source = SourceText(code)
    function, lines = _loss_function(source, tree, located, forms)
    kept = kept_statements(source, tree, located.function)
    if kept.trimmed:
        forms.append("trimmed")
    form = _assembled(fields, kept, function, lines, forms)
    if earlier is not None:
        moved = [None if line is None else earlier[line - 1] for line in form.original_lines]
        form = replace(form, original_lines=moved)
    return form


def _only_first(code: str, tree: ast.Module, located: Located) -> tuple[str, ast.Module, Located]:
    """Of a completion the first function; later definitions of the same name are another answer."""
    lines = code.split("\n")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == located.function.name and node is not located.function:
            end = node.end_lineno or node.lineno
            lines[node.lineno - 1 : end] = [""] * (end - node.lineno + 1)
    code = "\n".join(lines)
    tree = parse(code)
    return code, tree, locate(tree, located.function.name)


def _binds_loss(node: ast.stmt) -> bool:
    if isinstance(node, ast.FunctionDef):
        return node.name == "loss"
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return any(isinstance(target, ast.Name) and target.id == "loss" for target in targets)


def _without_other_loss(code: str, tree: ast.Module, located: Located) -> str | None:
    """The module with what else is called ``loss`` under another name; None where that is not to be seen."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    new = next(name for name in ("base_loss", "inner_loss", "helper_loss", "loss_of_helper") if name not in names)
    source = SourceText(code)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "loss":
            start = source.place(node.lineno, node.col_offset)
            at = source.text.index("loss", start + len("def"))
            source.replace(at, at + len("loss"), new)
        elif _binds_loss(node) and isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and target.id == "loss":
                    source.replace(source.start(target), source.end(target), new)
        for name in global_names(node):
            if name.id == "loss":
                source.replace(source.start(name), source.end(name), new)
    text, _ = source.rendered(0, len(code))
    return text


def _echoes(reply: Reply) -> set[str]:
    found: set[str] = set()
    for code in reply.shown:
        try:
            found |= locating.bodies(parse(code))
        except LossRejected:
            continue
    return found


def _refuse_cut_off(extracted: Extracted, reply: Reply, located: Located, code: str) -> None:
    """Code that ends with the text, where the server says that the text was cut: more of it may be missing."""
    if not (reply.cut_off and extracted.is_open):
        return
    end = located.function.end_lineno or located.function.lineno
    if not any(line.strip() and not line[0].isspace() for line in code.split("\n")[end:]):
        message = "the reply was cut off by the token limit, perhaps within the code; be briefer"
        raise LossRejected("cut-off", message, end)


def _name(
    given: object,
    own: Mapping[str, headers.Value],
    located: Located,
    extracted: Extracted,
    reply: Reply,
) -> tuple[str, bool]:
    """The caller's name, the reply's, or the code's where it says something; and whether there was one."""
    if given:
        return str(given), True
    kept = reply_names.worth_keeping(extracted.name, reply.prompt)
    if kept is not None:
        return kept, True
    written = own.get("name")
    if written and not reply_names.stands_in(str(written), reply.prompt):
        return str(written), True
    code_name = located.owner.name if located.owner is not None else located.function.name
    kept = reply_names.worth_keeping(code_name, reply.prompt)
    return (
        (headers.slug(code_name), True)
        if kept is not None
        else (reply_names.made(located.function, None, reply.prompt), False)
    )


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
        and not reduction.taken_off(SourceText(code), tree, function, list(LOGPS))
        and sum(isinstance(node, ast.FunctionDef) and node.name == "loss" for node in tree.body) == 1
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


def _loss_function(source: SourceText, tree: ast.Module, located: Located, forms: list[str]) -> tuple[str, list[int]]:
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
    if reduction.taken_off(source, tree, function, list(located.logps)):
        forms.append("reduced")
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
