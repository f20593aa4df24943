"""What a screening package makes of the corpus: how many sound losses it refuses and how many broken ones it accepts.

python corpus_screen.py --worker .build/debug/losslab-worker [--python-path OTHER/Sources/Trainer/python]
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from corpus_replies import Corpus, checked


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--worker", required=True)
    parser.add_argument("--python-path", type=Path, default=Path(__file__).parents[2] / "Sources/Trainer/python")
    options = parser.parse_args()
    corpus = Corpus.read()
    faults = corpus.faults(checked(options.worker, corpus.replies, options.python_path.absolute()))
    for identifier, fault in faults.items():
        print(f"{identifier}: {fault}")
    kinds = Counter(fault.partition(":")[0] for fault in faults.values())
    verdicts = Counter(corpus.verdict(reply) for reply in corpus.replies)
    print(f"sound refused: {kinds['sound refused']} of {verdicts['sound']}")
    print(f"broken accepted: {kinds['broken accepted']} of {verdicts['broken']}")


if __name__ == "__main__":
    main()
