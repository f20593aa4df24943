"""The programmatic rubric: which checks a question has, and what an answer scores. RUBRIC.md has the definitions.

The Swift judge implements the same kinds; a test of the two against each other keeps them equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TypeAlias

from builder.dialogue import Style, Words

Check: TypeAlias = Mapping[str, object]


def turn_checks(style: Style, category: str, body: Words) -> list[Check]:
    """The checks of one turn whose perfect answer has this body. Weights sum to 1."""
    ignored = sorted({*style.openers[category], *style.closing, *style.fillers})
    weights = style.weights
    kind = "sequence" if category in style.ordered else "bag"
    checks: list[Check] = [{"kind": kind, "weight": weights["content"], "expected": list(body), "ignore": ignored}]
    if "begins" in weights:
        checks.append({"kind": "begins", "weight": weights["begins"], "expected": list(style.openers[category])})
    if "ends" in weights:
        checks.append({"kind": "ends", "weight": weights["ends"], "expected": list(style.closing)})
    if "avoids" in weights:
        checks.append({"kind": "avoids", "weight": weights["avoids"], "words": list(style.fillers), "zeroAt": 3})
    if "length" in weights:
        wanted = len(style.answer(category, body))
        checks.append(
            {"kind": "length", "weight": weights["length"], "atMost": wanted + 1, "atLeast": wanted - 1, "slack": 4}
        )
    if "noRepeats" in weights:
        checks.append({"kind": "noRepeats", "weight": weights["noRepeats"], "zeroAt": 2})
    return checks


def score(checks: Sequence[Check], answer: str) -> float:
    """The score of one turn's answer, 1 to 10."""
    words = answer.split()
    if not words:
        return 1.0
    return 1.0 + 9.0 * sum(_number(check, "weight") * value(check, words) for check in checks)


def value(check: Check, words: Sequence[str]) -> float:
    """What a non-empty answer earns of one check, 0 to 1."""
    match check["kind"]:
        case "sequence" | "bag":
            ignored = set(_words(check, "ignore"))
            return _content(str(check["kind"]), [w for w in words if w not in ignored], _words(check, "expected"))
        case "begins":
            expected = _words(check, "expected")
            return float(list(words[: len(expected)]) == expected)
        case "ends":
            expected = _words(check, "expected")
            return float(list(words[max(0, len(words) - len(expected)) :]) == expected)
        case "avoids":
            avoided = set(_words(check, "words"))
            return max(0.0, 1.0 - sum(word in avoided for word in words) / _number(check, "zeroAt"))
        case "length":
            outside = max(len(words) - _number(check, "atMost"), _number(check, "atLeast") - len(words), 0.0)
            return max(0.0, 1.0 - outside / _number(check, "slack"))
        case "noRepeats":
            repeats = sum(one == two for one, two in pairwise(words))
            return max(0.0, 1.0 - repeats / _number(check, "zeroAt"))
        case kind:
            raise ValueError(f"unknown rubric check kind {kind!r}")


def _content(kind: str, body: Sequence[str], expected: Sequence[str]) -> float:
    if not body:
        return 0.0
    shared = (
        _longest_common_subsequence(body, expected)
        if kind == "sequence"
        else sum((Counter(body) & Counter(expected)).values())
    )
    return shared / max(len(body), len(expected))


def _longest_common_subsequence(one: Sequence[str], two: Sequence[str]) -> int:
    row = [0] * (len(two) + 1)
    for word in one:
        diagonal = 0
        for column, other in enumerate(two, start=1):
            above = row[column]
            row[column] = diagonal + 1 if word == other else max(above, row[column - 1])
            diagonal = above
    return row[-1]


def _words(check: Check, key: str) -> list[str]:
    words = check[key]
    if not isinstance(words, list):
        raise TypeError(f"rubric check {check['kind']}: {key} is not a list of words")
    return words


def _number(check: Check, key: str) -> float:
    number = check[key]
    if not isinstance(number, int | float):
        raise TypeError(f"rubric check {check['kind']}: {key} is not a number")
    return float(number)
