"""Folders of `losslab proposer sample`, or of campaigns -> the corpus of replies, each with the oracle's verdict.

    python corpus_collect.py --worker .build/debug/losslab-worker FOLDER...   adds what is new in the folders
    python corpus_collect.py --worker .build/debug/losslab-worker --judge     judges the whole corpus again

Fixtures/corpus/README.md says what is in the files.
"""

from __future__ import annotations

import argparse
import collections
import json
import re
import sys
from pathlib import Path

from corpus_oracle import judge
from corpus_replies import FOLDER, IMPORTS, Corpus, Reply, digest
from losslab_trainer.loss_process import LossProcesses

FORMS = {
    "complete": "completion",
    "complete-repair": "completion",
    "write": "chat",
    "repair": "chat",
    "discopop": "discopop",
}
DEFINITION = re.compile(r"(?m)^def \w+\(.*(?:\n(?:[ \t].*)?)*")


def replies_of(folder: Path) -> list[Reply]:
    """Every draft of a sample or campaign, in order. A call that failed has no text and is left out."""
    found: list[Reply] = []
    for path in sorted((folder / "conversations").glob("*.jsonl")):
        shown: list[str] = []
        for line in path.read_text(encoding="utf-8").splitlines():
            exchange = json.loads(line)
            reply, request = exchange.get("reply"), exchange["request"]
            form = FORMS.get(exchange["step"])
            if form is None or not reply or not reply["choices"]:
                continue
            choice = reply["choices"][0]
            prompt = request.get("prompt") or "\n\n".join(m["content"] for m in request["messages"])
            text, before = choice["text"], prompt
            if form == "completion":
                start = prompt.rindex("\ndef ") + 1
                before, header = prompt[:start], prompt[start:].rstrip("\n")
                text = f"{IMPORTS}\n\n\n{header}\n{text}"
            for code in (match[0].rstrip() for match in DEFINITION.finditer(before)):
                if "return" in code and code not in shown:
                    shown.append(code)
            found.append(
                Reply(
                    id=f"{request['model']}/{form}/{digest(text)}",
                    model=request["model"],
                    form=form,
                    temperature=_rounded(request.get("temperature")),
                    step=exchange["step"],
                    cut_off=choice["finish"] == "length",
                    text=text,
                    shown=list(shown),
                    prompt=prompt,
                )
            )
    return found


def _rounded(temperature: float | None) -> float | None:
    return None if temperature is None else round(temperature, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--worker", required=True)
    parser.add_argument("--judge", action="store_true", help="judge again what is in the corpus already")
    parser.add_argument("--corpus", type=Path, default=FOLDER)
    options = parser.parse_args()
    corpus = Corpus.read(options.corpus)
    known = {reply.text for reply in corpus.replies}
    new = []
    for folder in options.folders:
        for reply in replies_of(folder):
            if reply.text not in known and reply.text.strip():
                known.add(reply.text)
                new.append(reply)
    corpus.replies += new
    processes = LossProcesses.start(options.worker)
    try:
        for reply in corpus.replies if options.judge else new:
            found = judge(processes, reply.text, reply.form, reply.cut_off, reply.shown)
            reply.verdict, reply.reason, reply.copy = found.verdict, found.reason, found.copy
            print(f"{reply.id}: {found.verdict}{' (copy)' if found.copy else ''}, {found.reason}", file=sys.stderr)
    finally:
        processes.close()
    corpus.write(options.corpus)
    counts = collections.Counter((r.model, r.form, corpus.verdict(r) or "unclear") for r in corpus.replies)
    for (model, form, verdict), count in sorted(counts.items()):
        print(f"{model} {form}: {count} {verdict}")
    for reply in corpus.replies:
        if corpus.verdict(reply) is None:
            print(f"hand.json has no verdict yet on {reply.id}: {reply.reason}")
    print(f"{len(corpus.replies)} replies, {len(new)} of them new")


if __name__ == "__main__":
    main()
