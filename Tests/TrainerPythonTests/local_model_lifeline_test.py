"""A helper program ends with the process that started it, also while a library holds Python's lock."""

from __future__ import annotations

import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent.parent / "Sources/Trainer/python"
SECONDS = 2.0

# What the helper does once its lifeline is there: a PyDLL's call keeps Python's lock, as loading a model does.
BUSY = """
import ctypes, sys
from losslab_trainer.local_model.lifeline import end_with_parent
end_with_parent()
print("busy", flush=True)
ctypes.PyDLL(None).sleep(30)
"""

STARTER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=sys.argv[2] == "group")
time.sleep(30)
"""


@pytest.mark.parametrize("session", ["group", "shell"])
def test_a_helper_ends_at_once_while_it_is_inside_a_library(session: str) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, BUSY, session], env={"PYTHONPATH": str(PACKAGE)}, stdout=subprocess.PIPE
    )
    assert starter.stdout is not None
    assert starter.stdout.readline() == b"busy\n"
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    # Its end of the pipe is the last one.
    ended, _, _ = select.select([starter.stdout], [], [], SECONDS)
    assert ended and starter.stdout.read() == b""


def test_the_one_that_waits_ends_with_its_helper_and_holds_nothing_of_it() -> None:
    code = "from losslab_trainer.local_model.lifeline import end_with_parent\nend_with_parent()"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert ended.stderr == b""


def test_a_helper_whose_starter_has_gone_before_it_came_so_far_ends() -> None:
    code = "from losslab_trainer.local_model.lifeline import end_with_parent\nend_with_parent()\nprint('going on')"
    environment = {"PYTHONPATH": str(PACKAGE), "LOSSLAB_PARENT": "1"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, check=False, start_new_session=True
    )
    assert ended.returncode == -signal.SIGKILL and ended.stdout == b""


def test_the_lifeline_comes_before_the_programs_own_imports() -> None:
    started = subprocess.run(
        [sys.executable, "-P", "-m", "losslab_trainer.local_model.start", "nothing"],
        env={"PYTHONPATH": str(PACKAGE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1 and started.stderr == "no helper program is called nothing\n"
