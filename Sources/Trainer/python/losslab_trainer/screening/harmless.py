"""Lines in a loss that cannot change its values: taken out, and said so. What can change them stays for the gate.

Taken out: prints and log calls, stray ``...`` and strings, ``del`` of names, checks of shapes and types that raise,
messages of asserts, unused imports of what a loss may not use, ``__all__``, and ``with`` blocks that only switch on
what is on anyway (gradients) or off what is off (autocast). An assignment within an expression becomes a statement.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from losslab_trainer.contract import LossRejected
from losslab_trainer.screening import allowlist, parsing
from losslab_trainer.screening.rewrite import SourceText, composed
from losslab_trainer.screening.word_sets import words

Edits = Callable[[SourceText, ast.Module], bool]

_TALK = words("print pprint")
_LOGGERS = words("logging logger log LOGGER LOG warnings wandb _logger")
_LOG_CALLS = words("debug info warning warn error critical exception log simplefilter filterwarnings")
_CHANGING = words("append extend insert pop remove clear update setdefault sort reverse backward step add_")
_SHAPE_WORDS = words("shape ndim dtype device dim size numel is_floating_point requires_grad ndimension")


def applied(code: str, passes: dict[str, Edits], forms: list[str]) -> tuple[str, list[int]]:
    """The code after each rewriting that does something and leaves Python behind; and each line's original line."""
    lines = list(range(1, code.count("\n") + 2))
    for form, edit in passes.items():
        source = SourceText(code)
        if not edit(source, parsing.parse(code)):
            continue
        text, numbers = source.rendered(0, len(code))
        try:
            parsing.parse(text)
        except LossRejected:
            continue
        code, lines = text, composed(numbers, lines)
        word = form.split()[0]  # several passes may stand under one word
        if word not in forms:
            forms.append(word)
    return code, lines


def harmless_statements(source: SourceText, tree: ast.Module) -> bool:
    """Takes out statements without effect on the values."""
    found = False
    for block, is_module in _blocks(tree):
        dropped = [s for i, s in enumerate(block) if _is_harmless(s, is_docstring=i == 0 and _opens(tree, block))]
        if not dropped:
            continue
        found = True
        remaining = len(block) - len(dropped)
        for number, statement in enumerate(dropped):
            _drop(source, statement, keep_pass=not is_module and remaining == 0 and number == 0)
    return found


def assert_messages(source: SourceText, tree: ast.Module) -> bool:
    """Leaves of an assert its condition."""
    found = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is not None and not isinstance(node.msg, ast.Constant):
            source.replace(source.end(node.test), source.end(node), _closing_brackets(source, node))
            found = True
    return found


def unused_imports(source: SourceText, tree: ast.Module) -> bool:
    """Takes out imports that a loss may not have and that nothing uses."""
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = False
    for block, is_module in _blocks(tree):
        dropped = [s for s in block if isinstance(s, ast.Import | ast.ImportFrom) and _is_unused(s, used)]
        for number, statement in enumerate(dropped):
            found = True
            _drop(source, statement, keep_pass=not is_module and len(dropped) == len(block) and number == 0)
    return found


def needless_contexts(source: SourceText, tree: ast.Module) -> bool:
    """``with torch.autocast(enabled=False)`` and ``with torch.enable_grad()``: the block without them."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.With) and any("no_grad" in ast.unparse(item) for item in node.items):
            inside |= {id(child) for child in ast.walk(node)}
    found = False
    for node in ast.walk(tree):
        if not (isinstance(node, ast.With) and id(node) not in inside):
            continue
        if all(_changes_nothing(item) for item in node.items):
            # The block stays where it is: its lines keep their numbers and its strings their layout.
            source.replace(source.start(node), source.start(node.body[0]), f"if True:{_gap(source, node)}")
            found = True
    return found


def inner_assignments(source: SourceText, tree: ast.Module) -> bool:
    """``f(x := y)``: the assignment in a line of its own before the statement, where it is always evaluated first."""
    for block, _ in _blocks(tree):
        for statement in block:
            part = statement.test if isinstance(statement, ast.If) else statement
            if isinstance(part, ast.stmt) and not isinstance(part, ast.Assign | ast.Return | ast.Expr | ast.AnnAssign):
                continue
            named = next(_always_evaluated(part), None)
            if named is None or not _is_read_later_only(part, named) or _is_elif(source, statement):
                continue
            indent = _indent(source, statement)
            if indent is None:
                continue
            value = source.slice(named.value)
            start = source.start(statement)
            source.replace(start, start, f"{named.target.id} = ({value})\n{indent}")
            source.replace(source.start(named), source.end(named), named.target.id)
            return True
    return False


def _opens(tree: ast.Module, block: list[ast.stmt]) -> bool:
    return block is tree.body or any(
        isinstance(n, ast.FunctionDef | ast.ClassDef) and n.body is block for n in ast.walk(tree)
    )


def _blocks(tree: ast.Module) -> Iterator[tuple[list[ast.stmt], bool]]:
    for node in ast.walk(tree):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block, node is tree


def _is_harmless(node: ast.stmt, *, is_docstring: bool) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return not (is_docstring and isinstance(node.value.value, str))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return _is_talk(node.value)
    if isinstance(node, ast.Delete):
        return all(isinstance(target, ast.Name) for target in node.targets)
    if isinstance(node, ast.Assign):
        return all(isinstance(t, ast.Name) and t.id in ("__all__", "__author__", "__version__") for t in node.targets)
    if isinstance(node, ast.If) and not node.orelse and len(node.body) == 1 and isinstance(node.body[0], ast.Raise):
        return _is_about_shapes(node.test)
    return isinstance(node, ast.Assert) and node.msg is not None and _is_about_shapes(node.test)


def _is_talk(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        talks = function.id in _TALK
    else:
        root = function.value if isinstance(function, ast.Attribute) else None
        talks = (
            isinstance(function, ast.Attribute)
            and function.attr in _LOG_CALLS
            and isinstance(root, ast.Name)
            and root.id in _LOGGERS
        )
    return talks and not any(
        _may_change(part) for argument in [*call.args, *call.keywords] for part in ast.walk(argument)
    )


def _may_change(node: ast.AST) -> bool:
    if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield):
        return True
    if isinstance(node, ast.Attribute):
        return node.attr in _CHANGING or (node.attr.endswith("_") and not node.attr.endswith("__"))
    return False


def _is_about_shapes(test: ast.expr) -> bool:
    """Whether a condition only asks for shapes, types and presence, or for a beta above zero."""
    if isinstance(test, ast.BoolOp):
        return all(_is_about_shapes(value) for value in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _is_about_shapes(test.operand)
    if isinstance(test, ast.Compare):
        sides = [test.left, *test.comparators]
        if all(isinstance(op, ast.Is | ast.IsNot) for op in test.ops):
            return any(isinstance(side, ast.Constant) and side.value is None for side in sides)
        if len(sides) == 2 and ast.unparse(sides[0]) in ("beta", "self.beta") and ast.unparse(sides[1]) in ("0", "0.0"):
            return isinstance(test.ops[0], ast.LtE | ast.Lt | ast.Gt)
        return all(_is_shape(side) for side in sides)
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name):
        if test.func.id in ("all", "any") and len(test.args) == 1:
            inner = test.args[0]
            return isinstance(inner, ast.GeneratorExp | ast.ListComp) and _is_about_shapes(inner.elt)
        return test.func.id == "isinstance"
    return isinstance(test, ast.Call) and ast.unparse(test.func) in ("torch.is_tensor", "torch.is_floating_point")


def _is_shape(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_shape(item) for item in node.elts)
    if isinstance(node, ast.Subscript):
        return _is_shape(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr in _SHAPE_WORDS or (isinstance(node.value, ast.Name) and node.value.id == "torch")
    if isinstance(node, ast.Call):
        by_method = isinstance(node.func, ast.Attribute) and node.func.attr in _SHAPE_WORDS
        return by_method or (isinstance(node.func, ast.Name) and node.func.id == "len")
    return False


def _is_unused(node: ast.Import | ast.ImportFrom, used: set[str]) -> bool:
    if isinstance(node, ast.ImportFrom):
        known = allowlist.MEMBERS.get(node.module or "", frozenset())
        allowed = all(a.name in known or f"{node.module}.{a.name}" in allowlist.SUBMODULES for a in node.names)
    else:
        allowed = all(alias.name in allowlist.SUBMODULES or alias.name == "typing" for alias in node.names)
    return not allowed and not any((a.asname or a.name).split(".")[0] in used or a.name == "*" for a in node.names)


def _changes_nothing(item: ast.withitem) -> bool:
    call = item.context_expr
    if not isinstance(call, ast.Call) or item.optional_vars is not None:
        return False
    name = ast.unparse(call.func)
    if name in ("torch.enable_grad", "enable_grad"):
        return not call.args and not call.keywords
    if name in ("torch.set_grad_enabled", "set_grad_enabled"):
        return [ast.unparse(a) for a in call.args] == ["True"] and not call.keywords
    enabled = next((ast.unparse(k.value) for k in call.keywords if k.arg == "enabled"), None)
    return name.endswith("autocast") and enabled == "False"


def _drop(source: SourceText, node: ast.stmt, *, keep_pass: bool) -> None:
    start, end = source.start(node), source.end(node)
    line_start = source.text.rfind("\n", 0, start) + 1
    line_end = source.text.find("\n", end)
    line_end = len(source.text) if line_end < 0 else line_end
    before, behind = source.text[line_start:start], source.text[end:line_end]
    alone = not before.strip() and (not behind.strip() or behind.lstrip().startswith("#"))
    if keep_pass or not alone:
        source.replace(start, end, "pass")
    elif line_end < len(source.text):
        source.replace(line_start, line_end + 1, "")
    else:
        source.replace(max(line_start - 1, 0), line_end, "")


def _closing_brackets(source: SourceText, node: ast.Assert) -> str:
    """Brackets around an assert's condition that stand between it and its message."""
    if node.msg is None:
        return ""
    between = source.text[source.end(node.test) : source.start(node.msg)]
    return between.split(",")[0].rstrip() if "," in between else ""


def _gap(source: SourceText, node: ast.With) -> str:
    """The line breaks and indentation between a ``with`` line and its block."""
    text = source.text[source.start(node) : source.start(node.body[0])]
    return text[text.rindex(":") + 1 :] if ":" in text else " "


def _always_evaluated(node: ast.AST) -> Iterator[ast.NamedExpr]:
    """Assignments in an expression that no condition can skip, in the order of the text."""
    if isinstance(node, ast.NamedExpr):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from _always_evaluated(node.test)
    elif isinstance(node, ast.BoolOp):
        yield from _always_evaluated(node.values[0])
    elif not isinstance(
        node, ast.Lambda | ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp | ast.FunctionDef
    ):
        for child in ast.iter_child_nodes(node):
            yield from _always_evaluated(child)


def _is_read_later_only(node: ast.AST, named: ast.NamedExpr) -> bool:
    """Whether nothing before the assignment reads its name, and its value holds no other assignment."""
    place = (named.lineno, named.col_offset)
    reads = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == named.target.id and n is not named.target]
    early = any((n.lineno, n.col_offset) < place and isinstance(n.ctx, ast.Load) for n in reads)
    return not early and not any(isinstance(n, ast.NamedExpr) for n in ast.walk(named.value))


def _is_elif(source: SourceText, statement: ast.stmt) -> bool:
    return source.text.startswith("elif", source.start(statement))


def _indent(source: SourceText, statement: ast.stmt) -> str | None:
    start = source.start(statement)
    before = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    return before if not before.strip() else None
