"""Failures in one sentence, for whoever reads them, and the trace behind it, for a log. Imports nothing of weight."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FURTHER = re.compile(r"\n\s*\n|(^|\n|Original )Traceback \(most recent call last\)")
LONGEST_SENTENCE = 2_000  # characters
LONGEST_TRACE = 16_000
INTERRUPTED = 130  # exit code


class _Place(str):
    """A note on an exception that names a row or file; other notes are their authors' own."""


@contextmanager
def at(place: str | Callable[[], str]) -> Iterator[None]:
    """Names the row or file in the sentence of whatever is raised inside; a function is asked then, for a loop."""
    try:
        yield
    except Exception as error:
        error.add_note(_Place(place if isinstance(place, str) else place()))
        raise


def sentence(error: BaseException) -> str:
    """What failed, and where: one line without a trace."""
    # Added from the inside outwards.
    places = [note for note in getattr(error, "__notes__", ()) if isinstance(note, _Place)][::-1]
    told = _told(error)
    return one_line(f"{', '.join(places)}: {told}" if places else told)


def one_line(text: str) -> str:
    """The text without line ends and runs of blanks, cut to a length that still is a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SENTENCE else line[:LONGEST_SENTENCE] + " ..."


def trace(error: BaseException) -> str:
    """As Python prints it; the middle of a very long one is left out."""
    text = "".join(traceback.format_exception(error))
    if len(text) <= LONGEST_TRACE:
        return text
    half = LONGEST_TRACE // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def run_program(main: Callable[[], int], name: str) -> int:
    """A program's exit code; what it raises is told in one sentence, and its trace is in the log that is named."""
    try:
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        log = Path.home() / ".cache/losslab/logs" / f"{name}.log"
        try:
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{trace(error)}\n")
            hint = f"the trace is in {log}"
        except OSError:
            hint = f"there is no log, for {log} cannot be written"
        print(f"{name}: {sentence(error)}; {hint}", file=sys.stderr)
        return 1


def _told(error: BaseException) -> str:
    said = _first_paragraph(str(error))
    if type(error).__module__.split(".")[0] == "losslab_trainer":
        return said or type(error).__name__  # sentences of our own
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if isinstance(error, RecursionError):
        return "something is nested too deep"
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{_name(error.filename)}: {error.strerror}"
    if isinstance(error, OSError) and error.errno is None and said:
        return said  # a sentence too, not the system's
    if isinstance(error, ImportError):
        return f"a Python package cannot be used ({said or type(error).__name__}); `make setup` makes the environment"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _name(path: object) -> str:
    return path.decode(errors="replace") if isinstance(path, bytes) else str(path)


def _first_paragraph(text: str) -> str:
    """Libraries add help, and worker threads the traces of others, below an empty line or a second one."""
    return FURTHER.split(text, maxsplit=1)[0].strip()
