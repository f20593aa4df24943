"""The header of a loss file: flat YAML in comments, between two ``# ---`` lines at the top.

Only what such a header needs: ``key: value`` with text, numbers, true or false, and ``[a, b]`` lists. Swift reads the
same header with a full YAML parser, so what is written here is quoted where YAML asks for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

FENCE = "# ---"
Value = str | float | bool | list[str]
ORDER = ("name", "title", "origin", "reference", "beta", "parents", "form", "control", "notes")
TEXTS = ("title", "reference", "form", "notes")
ORIGINS = ("baseline", "published", "discovered")
DEFAULT_BETA, SMALLEST_BETA, LARGEST_BETA = 0.05, 1e-4, 100.0
_PLAIN = re.compile(r"[A-Za-z0-9(][^\n#\"'\[\]{}&*!|>%@`]*")
_NAME = re.compile(r"[^a-z0-9-]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def read(source: str) -> dict[str, Value]:
    """The header's fields; empty where there is none. A line that is not a field is passed over."""
    lines = source.splitlines()
    if not lines or lines[0].rstrip() != FENCE:
        return {}
    fields: dict[str, Value] = {}
    for line in lines[1:]:
        if line.rstrip() == FENCE:
            return fields
        match = re.fullmatch(r"#\s*([A-Za-z_]\w*)\s*:\s*(.*?)\s*", line)
        if match is not None:
            fields[match[1]] = _value(match[2])
        elif not line.startswith("#"):
            return {}
    return {}


def length(source: str) -> int:
    """Number of lines that the header takes, its fences included."""
    lines = source.splitlines()
    if not read(source):
        return 0
    return next(i for i, line in enumerate(lines[1:], 2) if line.rstrip() == FENCE)


def write(fields: Mapping[str, Value]) -> str:
    """The header as text, known fields first and in order."""
    keys = [key for key in ORDER if key in fields] + [key for key in fields if key not in ORDER]
    return "\n".join([FENCE, *(f"# {key}: {_text(fields[key])}" for key in keys), FENCE]) + "\n"


def slug(name: str) -> str:
    """A name fit for a file: lower case, digits and underscores, at most 60 characters."""
    words = _NAME.sub("_", _CAMEL.sub("_", name).lower()).strip("_-")
    return words[:60].rstrip("_-") or "loss"


def clean(fields: Mapping[str, Value]) -> dict[str, Value]:
    """Only fields that a loss file may have, each of its type; what cannot be made so falls back to its default."""
    known: dict[str, Value] = {key: " ".join(str(fields[key]).split()) for key in TEXTS if fields.get(key)}
    known["name"] = slug(str(fields.get("name", "loss")))
    known["origin"] = fields["origin"] if fields.get("origin") in ORIGINS else ORIGINS[-1]
    try:
        beta = float(str(fields.get("beta")))
    except ValueError:
        beta = DEFAULT_BETA
    known["beta"] = beta if SMALLEST_BETA <= beta <= LARGEST_BETA else DEFAULT_BETA
    parents = fields.get("parents", [])
    known["parents"] = [
        slug(p) for p in (parents if isinstance(parents, list) else str(parents).split(",")) if p.strip()
    ]
    if str(fields.get("control")).lower() == "true":
        known["control"] = True
    return known


def _value(text: str) -> Value:
    if text.startswith("[") and text.endswith("]"):
        return [item.strip().strip("\"'") for item in text[1:-1].split(",") if item.strip()]
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            return text.strip('"')
    if text in ("true", "false"):
        return text == "true"
    try:
        return float(text)
    except ValueError:
        return text.strip("'")


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list):
        return f"[{', '.join(_text(item) for item in value)}]"
    one_line = " ".join(value.split())
    plain = _PLAIN.fullmatch(one_line) and ": " not in one_line and not one_line.endswith(":")
    is_text = isinstance(_value(one_line), str)
    return one_line if plain and is_text else json.dumps(one_line, ensure_ascii=False)
