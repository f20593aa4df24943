"""The trainer's side of a loss process: starts it, sends batches, believes nothing but checked numbers.

Covered: whatever the loss process does, `evaluate` returns finite numbers of the right count and dtype within its time,
or raises LossRejected. Values are copied out of the shared memory once and checked in the copy.

Not covered: that the numbers are those of one pure function. Replays of the first batch catch a loss that changes its
mind, not one that remembers the batch; in training a second process does (watched_loss.py). Either way all it can do is
choose its own gradients.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from losslab_trainer import loss_wire as wire
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.loss_answer import LossAnswer, parse_reply
from losslab_trainer.zygote_client import SandboxError, Supervisor, ZygoteClient

REQUIRED_LAYERS = ("landlock", "seccomp")
START_SECONDS = 30.0  # from fork to being locked in; all of it is ours
END_SECONDS = 5.0  # how long a killed process may take to be gone
STATUS_SECONDS = 1.0  # how long its supervisor may take to say how it ended


@dataclass(frozen=True)
class LossLimits:
    """What one loss process may use."""

    evaluation_seconds: float = 5.0  # wall clock, each evaluation; also loading the text
    life_seconds: int = 1800  # wall clock, from fork to end
    cpu_seconds: int = 1800
    extra_memory_bytes: int = 2 << 30  # address space beyond that of the warm zygote


class LossProcesses:
    """Opens loss processes from a warm zygote. Not for use by several threads."""

    def __init__(self, zygote: ZygoteClient) -> None:
        self._zygote = zygote

    @classmethod
    def start(
        cls,
        worker_binary: str | Path,
        *,
        venv: str | Path = sys.prefix,
        python_path: str | Path = Path(__file__).parent.parent,
        allow_unsandboxed: bool = False,
    ) -> LossProcesses:
        """Starts the zygote and returns at once; the first `open` waits until it is warm (about 2 s)."""
        return cls(
            ZygoteClient(Path(worker_binary), Path(venv), Path(python_path), allow_unsandboxed=allow_unsandboxed)
        )

    def sandbox(self) -> dict[str, object]:
        """The layers a loss process gets here, and which required ones are missing. Waits until the zygote is warm."""
        layers = self._zygote.hello()["layers"]
        if not isinstance(layers, dict):
            raise SandboxError("the loss zygote named no layers")
        return {**layers, "missing": _missing(layers)}

    @property
    def zygote_pid(self) -> int | None:
        return self._zygote.pid

    @property
    def zygote_restarts(self) -> int:
        return self._zygote.restarts

    def open(self, source: str, limits: LossLimits | None = None) -> LossProcess:
        """A locked-down process that has loaded `source` (file form). Raises LossRejected when it cannot be loaded."""
        refusal = self._zygote.hello()["refusal"]
        if refusal is not None:
            lacking = " and ".join(_missing(self.sandbox()))
            if not lacking:
                # Nothing that running without the sandbox would mend.
                raise SandboxError(f"the sandbox for generated code cannot be set up: {refusal}")
            raise SandboxError(
                f"generated code is not run without {lacking}: {refusal}. "
                "Pass --allow-unsandboxed to run it all the same."
            )
        if len(source.encode(errors="replace")) > wire.LONGEST_SOURCE:
            raise LossRejected("forbidden", f"the text is longer than {wire.LONGEST_SOURCE} bytes")
        return LossProcess(self._zygote, source, limits or LossLimits())

    def close(self) -> None:
        """Ends the zygote and every loss process. Closing twice is allowed."""
        self._zygote.close()


class LossProcess:
    """One loss in its own locked-down process; a LossEvaluator."""

    def __init__(self, zygote: ZygoteClient, source: str, limits: LossLimits) -> None:
        self._limits = limits
        self._sequence = 0
        self._evaluations = 0
        self._first: tuple[Tensor, float, bool, LossAnswer] | None = None
        self._verdict: LossRejected | None = None
        memory = os.memfd_create("loss", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._status, status = os.pipe()
        self._supervisor: Supervisor | None = None
        try:
            os.ftruncate(memory, wire.MEMORY_BYTES)
            _seal(memory)
            self._memory = mmap.mmap(memory, wire.MEMORY_BYTES)
            self._supervisor = zygote.fork(
                [theirs.fileno(), memory, status],
                {
                    "extraMemory": limits.extra_memory_bytes,
                    "cpuSeconds": limits.cpu_seconds,
                    "lifeSeconds": limits.life_seconds,
                },
            )
        except BaseException:
            self.close()
            raise
        finally:
            theirs.close()
            os.close(memory)
            os.close(status)
        self.layers: dict[str, object] = {}
        try:
            self._begin(source)
        except BaseException:
            self.close()
            raise

    @property
    def supervisor_pid(self) -> int | None:
        return self._supervisor.pid if self._supervisor is not None else None

    def evaluate(
        self,
        policy_chosen_logps: Tensor,
        policy_rejected_logps: Tensor,
        reference_chosen_logps: Tensor,
        reference_rejected_logps: Tensor,
        beta: float,
        *,
        reference_grads: bool = False,
        allow_nonfinite: bool = False,
    ) -> LossValues:
        """Loss values and partial derivatives, on the device of the inputs; see LossEvaluator.

        `allow_nonfinite` hands NaN and infinity on to a caller that measures them. After a timeout, a crash or a
        protocol error the process is gone, and every later call raises the same rejection.
        """
        if self._verdict is not None:
            raise self._verdict
        if self._supervisor is None:
            raise SandboxError("this loss process is closed")
        vectors = (policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps)
        inputs = _stacked(vectors)
        try:
            answer = self._ask(inputs, beta, reference_grads)
            self._replay(inputs, beta, reference_grads, answer)
        except LossRejected as rejection:
            if rejection.code in ("timeout", "crashed", "protocol", "nondeterministic"):
                self._verdict = rejection
                self.close()
            raise
        if not allow_nonfinite:
            answer.require_finite()
        return answer.values(policy_chosen_logps.device)

    def close(self) -> None:
        """Kills the loss process and everything under it. Closing twice is allowed."""
        if self._supervisor is not None:
            _end(self._supervisor)
            self._supervisor = None
        self._socket.close()
        if self._status >= 0:
            os.close(self._status)
            self._status = -1

    def _begin(self, source: str) -> None:
        try:
            layers = json.loads(self._receive(START_SECONDS))
        except LossRejected as rejection:
            raise SandboxError(f"the loss process did not start: {rejection.message}") from None
        if not isinstance(layers, dict):
            raise SandboxError("the loss process did not say how it is locked in")
        self.layers = {**layers, "missing": _missing(layers)}
        # Only from here on has the process seen anything that could make it lie.
        self._send(source.encode(errors="replace") or b"\n")
        parse_reply(self._receive(), 0, 0, 0)

    def _ask(self, inputs: Tensor, beta: float, reference_grads: bool) -> LossAnswer:
        batch = inputs.shape[1]
        dtype = wire.DTYPES.index(inputs.dtype)
        self._sequence = (self._sequence + 1) % (1 << 32)
        self._refuse_unasked()
        self._view(0, 4, batch, inputs.dtype).copy_(inputs)
        self._send(wire.REQUEST.pack(self._sequence, batch, dtype, reference_grads, beta))
        depends_on = parse_reply(self._receive(), self._sequence, batch, dtype)
        rows = 5 if reference_grads else 3
        return LossAnswer(self._view(wire.OUTPUTS, rows, batch, inputs.dtype).clone(), depends_on)

    def _replay(self, inputs: Tensor, beta: float, reference_grads: bool, answer: LossAnswer) -> None:
        """Asks for the first batch again at evaluation 1, 2, 4, 8, ...: the answer must not have changed."""
        self._evaluations += 1
        if self._first is None:
            self._first = (inputs, beta, reference_grads, answer)
        if self._evaluations & (self._evaluations - 1):
            return
        first_inputs, first_beta, first_grads, first_answer = self._first
        if not self._ask(first_inputs, first_beta, first_grads).has_same_bits(first_answer):
            raise LossRejected(
                "nondeterministic", "the same inputs gave different values", details={"evaluation": self._evaluations}
            )

    def _view(self, offset: int, rows: int, batch: int, dtype: torch.dtype) -> Tensor:
        flat = torch.frombuffer(self._memory, dtype=dtype, count=rows * batch, offset=offset)
        return flat.view(rows, batch)

    def _send(self, message: bytes) -> None:
        try:
            self._socket.settimeout(self._limits.evaluation_seconds)
            self._socket.send(message, socket.MSG_NOSIGNAL)
        except TimeoutError:
            raise LossRejected("timeout", "the loss process stopped reading") from None
        except OSError:
            raise self._ended() from None

    def _receive(self, seconds: float | None = None) -> bytes:
        seconds = seconds if seconds is not None else self._limits.evaluation_seconds
        self._socket.settimeout(seconds)
        try:
            message = self._socket.recv(wire.LONGEST_REPLY + 1)
        except TimeoutError:
            details = {"seconds": seconds}
            raise LossRejected("timeout", f"one evaluation took longer than {seconds:g} s", details=details) from None
        except OSError:
            message = b""
        if not message:
            raise self._ended()
        return message

    def _refuse_unasked(self) -> None:
        """A message that nobody asked for is the loss's own work."""
        if not _readable(self._socket.fileno(), 0):
            return
        if self._receive():
            raise LossRejected("protocol", "the loss process sent a message that was not asked for")

    def _ended(self) -> Exception:
        """Why there is no answer: how the loss process ended, by its supervisor's word."""
        if not _readable(self._status, STATUS_SECONDS):
            return LossRejected("protocol", "the loss process closed its socket")
        line = os.read(self._status, 4096).decode(errors="replace").partition("\n")[0]
        words = line.split()
        if words[:1] == ["refused"]:
            return SandboxError("the loss process could not be locked down: " + " ".join(words[1:]))
        if words[:1] != ["exit"] or len(words) != 6:
            return SandboxError("the loss process was lost together with the zygote")
        code, number, milliseconds, kilobytes, expired = (int(word) for word in words[1:])
        if expired:
            return LossRejected("timeout", f"the loss process lived longer than {self._limits.life_seconds} s")
        if number == signal.SIGKILL and milliseconds >= 1000 * self._limits.cpu_seconds - 500:
            return LossRejected("timeout", f"the loss used more than {self._limits.cpu_seconds} s of processor time")
        details = {"milliseconds": milliseconds, "maxResidentKilobytes": kilobytes}
        if number:
            name = signal.Signals(number).name if number in signal.valid_signals() else str(number)
            what = "made a forbidden system call" if number == signal.SIGSYS else f"was ended by {name}"
            return LossRejected("crashed", f"the loss process {what}", details={"signal": name, **details})
        return LossRejected("crashed", f"the loss process exited with {code}", details={"exitCode": code, **details})


def _missing(layers: Mapping[str, object]) -> list[str]:
    return [name for name in REQUIRED_LAYERS if not layers.get(name)]


def _seal(memory: int) -> None:
    """Fixes the memory's size: shrinking it would crash the trainer."""
    fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)


def _end(supervisor: Supervisor) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(supervisor.handle, signal.SIGKILL)
    _readable(supervisor.handle, END_SECONDS)
    os.close(supervisor.handle)


def _readable(descriptor: int, seconds: float) -> bool:
    # Not select(), which fails on descriptors beyond 1023.
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def _stacked(vectors: Sequence[Tensor]) -> Tensor:
    """The four vectors as one (4, B) tensor on the CPU, after checks that are the caller's duty."""
    first = vectors[0]
    if any(vector.shape != first.shape or vector.dtype != first.dtype for vector in vectors):
        raise ValueError("the four log-probability vectors differ in shape or dtype")
    if first.dim() != 1 or not 1 <= first.shape[0] <= wire.LARGEST_BATCH:
        raise ValueError(f"log-probabilities of shape {tuple(first.shape)}, not (B,) with B up to {wire.LARGEST_BATCH}")
    if first.dtype not in wire.DTYPES:
        raise ValueError(f"log-probabilities of {first.dtype}, not one of {wire.DTYPES}")
    return torch.stack([vector.detach() for vector in vectors]).cpu()
