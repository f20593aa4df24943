"""Parsing text that nobody has vetted: bounded before ``ast.parse`` sees it, so that it can neither crash nor stall us.

Covered: size, bracket and indentation depth, tokens and operators in a statement (each is what makes CPython's parser
recurse), null bytes, the parser's own errors. Not covered: what the text means (gate.py) or does (the loss process).
"""

from __future__ import annotations

import ast
import io
import keyword
import tokenize
import warnings

from losslab_trainer.contract import LossRejected

LARGEST_SOURCE = 64 * 1024  # bytes
DEEPEST_BRACKETS = 40
DEEPEST_INDENTATION = 20
MOST_TOKENS = 12_000
LONGEST_STATEMENT = 1_500  # tokens
LONGEST_OPERATOR_RUN = 24  # prefix operators in a row, as in ----x
MOST_NODES = 20_000
DEEPEST_TREE = 120  # a chain a + b + ... is as deep as it is long


def parse(source: str) -> ast.Module:
    """The syntax tree of bounded text. Raises LossRejected: ``syntax``, or ``forbidden`` when it is too much."""
    bounded(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        raise LossRejected("syntax", error.msg, error.lineno) from None
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        raise LossRejected("syntax", f"not parseable: {error or type(error).__name__}") from None
    _refuse_large(tree)
    return tree


def _refuse_large(tree: ast.Module) -> None:
    """Level by level, without recursion: later visitors may recurse."""
    level: list[ast.AST] = [tree]
    nodes = depth = 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if nodes > MOST_NODES or depth > DEEPEST_TREE:
            line = next((node.lineno for node in level if isinstance(node, ast.expr | ast.stmt)), None)
            limit = f"deeper than {DEEPEST_TREE} levels" if depth > DEEPEST_TREE else f"more than {MOST_NODES} nodes"
            raise LossRejected("forbidden", f"the code's syntax tree is too large: {limit}", line)
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def bounded(source: str) -> None:
    """Refuses text that the parser should not be given."""
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > LARGEST_SOURCE:
        raise LossRejected("forbidden", f"the text has {size} bytes, more than {LARGEST_SOURCE}")
    if "\0" in source or any("\ud800" <= c <= "\udfff" for c in source):
        raise LossRejected("syntax", "the text holds a null byte or half a surrogate pair")
    brackets = indentation = tokens = statement = run = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            tokens += 1
            statement += 1
            line = token.start[0]
            if token.type == tokenize.OP and token.string in "([{":
                brackets += 1
            elif token.type == tokenize.OP and token.string in ")]}":
                brackets -= 1
            elif token.type == tokenize.INDENT:
                indentation += 1
            elif token.type == tokenize.DEDENT:
                indentation -= 1
            elif token.type == tokenize.NEWLINE:
                statement = 0
            recursive = token.string in ("-", "+", "~", "**", "lambda", "if", "else") or keyword.iskeyword(token.string)
            run = run + 1 if recursive else 0
            if brackets > DEEPEST_BRACKETS:
                raise LossRejected("forbidden", f"brackets nest deeper than {DEEPEST_BRACKETS}", line)
            if indentation > DEEPEST_INDENTATION:
                raise LossRejected("forbidden", f"blocks nest deeper than {DEEPEST_INDENTATION}", line)
            if run > LONGEST_OPERATOR_RUN:
                raise LossRejected("forbidden", f"more than {LONGEST_OPERATOR_RUN} operators in a row", line)
            if statement > LONGEST_STATEMENT or tokens > MOST_TOKENS:
                raise LossRejected("forbidden", "the text is too long: too many tokens", line)
    except tokenize.TokenError:
        return  # the text ends within a string or bracket: all of it was read, and the parser names the place better
    except SyntaxError as error:  # IndentationError too
        raise LossRejected("syntax", error.msg, error.lineno) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise LossRejected("syntax", f"not parseable: {error}") from None
