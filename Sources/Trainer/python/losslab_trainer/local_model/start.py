"""Starts a helper program, its lifeline first: `python -m losslab_trainer.local_model.start NAME --events-fd N ...`.

What the program does not expect leaves as {"event": "failed", "kind": "unexpected", "message": one sentence}; the trace
goes to standard error, which is its log.
"""

import argparse
import json
import os
import sys
from importlib import import_module

from losslab_trainer.failures import sentence, trace
from losslab_trainer.local_model.lifeline import end_with_parent

PROGRAMS = ("fetch", "serve", "unpack")


def main() -> None:
    """Before the program's own imports, which take seconds."""
    end_with_parent()
    name = sys.argv.pop(1)
    if name not in PROGRAMS:
        raise SystemExit(f"no helper program is called {name}")
    parser = argparse.ArgumentParser()
    parser.add_argument("--events-fd", type=int, default=1)
    descriptor: int = parser.parse_known_args()[0].events_fd
    try:
        import_module(f"losslab_trainer.local_model.{name}").main()
    except Exception as error:
        print(trace(error), file=sys.stderr)
        event = {"event": "failed", "kind": "unexpected", "message": sentence(error)}
        os.write(descriptor, (json.dumps(event) + "\n").encode())
        sys.exit(1)


if __name__ == "__main__":
    main()
