"""Starts a helper program, its lifeline first: `python -m losslab_trainer.local_model.start NAME ARGUMENTS`."""

import sys
from importlib import import_module

from losslab_trainer.local_model.lifeline import end_with_parent

PROGRAMS = ("fetch", "serve", "unpack")


def main() -> None:
    """Before the program's own imports, which take seconds."""
    end_with_parent()
    name = sys.argv.pop(1)
    if name not in PROGRAMS:
        raise SystemExit(f"no helper program is called {name}")
    import_module(f"losslab_trainer.local_model.{name}").main()


if __name__ == "__main__":
    main()
