"""The trainer's hold on its zygote: starts the program, asks it for loss processes, replaces it when it is gone.

Knows nothing of tensors and imports no torch, so that the zygote can warm up while the trainer does.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

WARM_UP_SECONDS = 120.0
ANSWER_SECONDS = 15.0
LONGEST_ANSWER = 65536
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # A loss process stays on the CPU: no device is ever opened.
    "CUDA_VISIBLE_DEVICES": "",
    # A crash reporter would start a program inside the sandbox.
    "SWIFT_BACKTRACE": "enable=no",
}


class SandboxError(Exception):
    """Our fault, never the loss's: no zygote, no loss process, or a layer that the sandbox requires is missing."""


@dataclass(frozen=True)
class Supervisor:
    """The process above one loss process; killing it kills the loss process and everything under it."""

    pid: int
    handle: int  # pidfd


class ZygoteClient:
    """One zygote at a time. Use from the thread that made it: the zygote dies with that thread."""

    def __init__(
        self,
        worker: Path,
        venv: Path,
        python_path: Path,
        *,
        allow_unsandboxed: bool = False,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._answer_seconds = answer_seconds
        self._command = [str(worker), "loss-zygote", "--venv", str(venv), "--python-path", str(python_path)]
        if allow_unsandboxed:
            self._command.append("--allow-unsandboxed")
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._hello: dict[str, object] | None = None
        self.restarts = 0
        self._launch()

    def hello(self) -> dict[str, object]:
        """What the zygote said when it was warm: versions, sandbox layers, and why it would refuse to run a loss."""
        if self._hello is None:
            self._hello = self._receive(WARM_UP_SECONDS)[0]
            if "error" in self._hello:
                raise SandboxError(str(self._hello["error"]))
        return self._hello

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def fork(self, descriptors: list[int], limits: dict[str, int]) -> Supervisor:
        """A new loss process holding copies of the descriptors. A lost zygote is replaced, once."""
        try:
            return self._fork(descriptors, limits)
        except (OSError, SandboxError) as first:
            self.close()
            self.restarts += 1
            self._launch()
            try:
                return self._fork(descriptors, limits)
            except (OSError, SandboxError) as second:
                raise SandboxError(f"the loss zygote was lost twice: {first}; then {second}") from second

    def close(self) -> None:
        """Ends the zygote and with it every loss process."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = self._hello = None

    def _launch(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*self._command, "--control-fd", str(theirs.fileno()), "--parent", str(os.getpid())],
                    env=ENVIRONMENT | {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ},
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr.fileno(),
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise SandboxError(f"{self._command[0]} could not be started: {error}") from error
        self._control = ours
        self._hello = None

    def _fork(self, descriptors: list[int], limits: dict[str, int]) -> Supervisor:
        self.hello()
        if self._control is None:
            raise SandboxError("the loss zygote is closed")
        self._control.settimeout(self._answer_seconds)
        socket.send_fds(self._control, [json.dumps({"fork": limits}).encode()], descriptors)
        answer, handles = self._receive(self._answer_seconds)
        pid = answer.get("pid")
        if not isinstance(pid, int) or len(handles) != 1:
            raise SandboxError(str(answer.get("error", "the loss zygote answered with something else")))
        return Supervisor(pid, handles[0])

    def _receive(self, seconds: float) -> tuple[dict[str, object], list[int]]:
        if self._control is None:
            raise SandboxError("the loss zygote is closed")
        self._control.settimeout(seconds)
        try:
            message, handles, _, _ = socket.recv_fds(self._control, LONGEST_ANSWER, 1)
        except TimeoutError:
            raise SandboxError(f"the loss zygote did not answer within {seconds:.0f} s") from None
        if not message:
            raise SandboxError("the loss zygote ended")
        answer = json.loads(message)
        if not isinstance(answer, dict):
            raise SandboxError("the loss zygote answered with something else")
        return answer, handles
