"""How large an expression of constants grows, told without computing it: ``10 ** 10 ** 8`` holds an interpreter."""

from __future__ import annotations

import ast

MOST_BITS = 1024  # of a whole number: as many as the largest float has
LONGEST_REPEAT = 10_000  # items of a text or list that is written times a number


class TooLarge(Exception):
    """An expression of constants that grows beyond the bounds."""


def refusal(node: ast.BinOp) -> str | None:
    """Why a calculation with constants is not run; ``None`` for a small one, and for what holds more than constants."""
    try:
        _value(node)
    except TooLarge as error:
        return str(error)
    return None


def _value(node: ast.expr) -> int | float | None:
    """The value, or ``None`` where it is not known here."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand)
        return value if value is None or isinstance(node.op, ast.UAdd) else -value
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Mult):
        _repeated(node.left, right)
        _repeated(node.right, left)
    if left is None or right is None:
        return None
    return _bounded(node.op, left, right)


def _repeated(what: ast.expr, times: int | float | None) -> None:
    is_text = isinstance(what, ast.Constant) and isinstance(what.value, str)
    if (is_text or isinstance(what, ast.List | ast.Tuple)) and times is not None and times > LONGEST_REPEAT:
        raise TooLarge(f"a text or list times {times:.3g}: at most {LONGEST_REPEAT} items")


def _bounded(operator: ast.operator, left: int | float, right: int | float) -> int | float | None:
    whole = isinstance(left, int) and isinstance(right, int)
    if whole and isinstance(operator, ast.Pow | ast.LShift) and right > 0:
        grows = int(left).bit_length() * right if isinstance(operator, ast.Pow) else int(left).bit_length() + right
        stays = left == 0 or (abs(left) == 1 and isinstance(operator, ast.Pow))
        if not stays and grows > MOST_BITS:
            raise TooLarge(f"a whole number of more than {MOST_BITS} bits: write it as a float, such as 1e8")
    try:
        match operator:
            case ast.Add():
                value = left + right
            case ast.Sub():
                value = left - right
            case ast.Mult():
                value = left * right
            case ast.Div():
                value = left / right
            case ast.Pow():
                value = left**right
            case ast.LShift() if isinstance(left, int) and isinstance(right, int):
                value = left << right
            case _:
                return None
    except OverflowError:
        raise TooLarge("a number beyond the largest float") from None
    except (ZeroDivisionError, ValueError, TypeError):
        return None  # it fails when it is run, and says so then
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise TooLarge(f"a whole number of more than {MOST_BITS} bits: write it as a float, such as 1e8")
    return value if isinstance(value, int | float) else None
