"""The corpus's files: replies of real models as the ``check`` job gets them, and what is known about each."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

FOLDER = Path(__file__).resolve().parents[1] / "Fixtures/corpus"
IMPORTS = "import math\nimport torch\nimport torch.nn.functional as F"  # before each completion, as the lab puts them


def digest(text: str) -> str:
    """What a text is known by in the corpus."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass
class Reply:
    """One reply. ``verdict``, ``reason`` and ``copy`` are the oracle's (corpus_oracle.py)."""

    id: str  # model/form/digest of the text
    model: str
    form: str
    temperature: float | None
    step: str
    cut_off: bool
    text: str  # of a completion: the imports, the function's header, the reply
    shown: list[str]  # code of the losses in the prompt
    prompt: str
    verdict: str = ""
    reason: str = ""
    copy: bool = False

    def job(self) -> dict[str, object]:
        """The lab's question about this reply."""
        return {
            "version": 1,
            "kind": "check",
            "id": self.id,
            "source": self.text,
            "cutOff": self.cut_off,
            "shown": self.shown,
            "prompt": self.prompt,
            "allowControl": False,
        }


@dataclass
class Corpus:
    """Replies, and what was added by hand: verdicts where the oracle has none, and known misses of screening."""

    replies: list[Reply]
    hand: dict[str, dict[str, str]] = field(default_factory=dict)  # id -> verdict, reason
    misses: dict[str, str] = field(default_factory=dict)  # id -> reason

    @classmethod
    def read(cls, folder: Path = FOLDER) -> Corpus:
        """The corpus in a folder; an empty one where there is none yet."""
        if not (folder / "replies.jsonl").exists():
            return cls([])
        pieces = cast(dict[str, str], json.loads((folder / "pieces.json").read_text(encoding="utf-8")))
        replies = []
        for line in (folder / "replies.jsonl").read_text(encoding="utf-8").splitlines():
            fields = json.loads(line)
            fields["shown"] = [pieces[key] for key in fields["shown"]]
            fields["prompt"] = "\n\n".join(pieces[key] for key in fields["prompt"])
            replies.append(Reply(**fields))
        hand, misses = (
            json.loads((folder / name).read_text(encoding="utf-8")) for name in ("hand.json", "misses.json")
        )
        return cls(replies, hand, misses)

    def verdict(self, reply: Reply) -> str | None:
        """``sound`` or ``broken``; None where the oracle is unsure and nobody has looked yet."""
        found = self.hand[reply.id]["verdict"] if reply.id in self.hand else reply.verdict
        return found if found in ("sound", "broken") else None

    def faults(self, results: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
        """By id what the ``check`` job's results got wrong: ``sound refused`` or ``broken accepted``, and with what.

        A sound copy of a loss that the prompt showed may be refused as a copy.
        """
        found = {}
        for reply in self.replies:
            result, verdict = results[reply.id], self.verdict(reply)
            rejections = cast(list[dict[str, object]], result["rejections"])
            codes = [str(rejection["code"]) for rejection in rejections]
            if verdict == "broken" and not codes:
                found[reply.id] = "broken accepted"
            elif verdict == "sound" and codes and not (reply.copy and codes == ["copied"]):
                found[reply.id] = f"sound refused: {rejections[0]['code']}: {rejections[0]['message']}"
        return found

    def write(self, folder: Path = FOLDER) -> None:
        """Replies and the pieces of their prompts; what was written by hand stays as it is."""
        pieces: dict[str, str] = {}

        def key(text: str) -> str:
            pieces[digest(text)] = text
            return digest(text)

        lines = []
        for reply in sorted(self.replies, key=lambda reply: reply.id):
            fields = dataclasses.asdict(reply)
            fields["shown"] = [key(code) for code in reply.shown]
            fields["prompt"] = [key(piece) for piece in reply.prompt.split("\n\n")]
            lines.append(json.dumps(fields, ensure_ascii=False))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "replies.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = json.dumps(dict(sorted(pieces.items())), ensure_ascii=False, indent=0)
        (folder / "pieces.json").write_text(text + "\n", encoding="utf-8")
        for name in ("hand.json", "misses.json"):
            if not (folder / name).exists():
                (folder / name).write_text("{}\n", encoding="utf-8")


def checked(worker: str | Path, replies: Sequence[Reply], python_path: Path) -> dict[str, dict[str, object]]:
    """What the ``check`` job of the Python package at ``python_path`` makes of each reply, in one worker."""
    lines = "".join(json.dumps(reply.job()) + "\n" for reply in replies)
    command = [str(worker), "trainer", "--venv", sys.prefix, "--python-path", str(python_path)]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    failed = [report for report in reports if report["event"] == "report" and report["status"] != "done"]
    if failed:
        raise RuntimeError(f"{failed[0]['id']}: {failed[0].get('error') or failed[0]}")
    return {report["id"]: report["result"] for report in reports if report["event"] == "report"}
