"""Rows of every layout, for the tests of reading them: one question, a better and a worse answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from losslab_trainer.data import DataSpec, Preferences, load_preferences

Q, A, B = "Which fish?", "A carp.", "A pike."
USER = {"role": "user", "content": Q}


def said(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def hh(*turns: str) -> str:
    return "".join(f"\n\n{'Assistant' if i % 2 else 'Human'}: {turn}" for i, turn in enumerate(turns))


def load(folder: Path, rows: list[Any], **spec: Any) -> Preferences:
    file = folder / "pairs.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return load_preferences(DataSpec(str(file), **spec))


def pair(**columns: Any) -> dict[str, Any]:
    return {"prompt": Q, "chosen": A, "rejected": B} | columns


def talk(**columns: Any) -> dict[str, Any]:
    return {"prompt": [USER], "chosen": [said(A)], "rejected": [said(B)]} | columns


def judged(preference: Any, **columns: Any) -> dict[str, Any]:
    return {"instruction": Q, "output_1": A, "output_2": B, "preference": preference} | columns


WHOLE = {"chosen": [USER, said(A)], "rejected": [USER, said(B)]}
SYSTEM = {"role": "system", "content": "Be brief."}
EARLIER = [{"role": "user", "content": "Hello"}, said("Good day.")]
