"""Loss processes beside the attacks: the right numbers, limits, lost processes, poorer kernels."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from attack_canaries import descendants, process_state
from losslab_trainer.contract import LossRejected, LossValues
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.loss_process import LossLimits, LossProcess, LossProcesses
from losslab_trainer.zygote_client import SandboxError, ZygoteClient

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
PYTHON_PATH = HERE.parent.parent / "Sources/Trainer/python"

HEAD = "import torch\nimport torch.nn.functional as F\ndef loss(pc, pr, rc, rr, beta):\n    "
RHO = HEAD + "rho = (pc - pr) - (rc - rr)\n    return "
DPO = RHO + "-F.logsigmoid(beta * rho)"
LOSSES = {
    "dpo": DPO,
    "hinge": RHO + "torch.relu(1 - beta * rho)",
    "ipo": RHO + "(rho - 1 / (2 * beta)) ** 2",
    "exponential": RHO + "torch.exp(-beta * rho)",
    "dpo and sft": RHO + "-F.logsigmoid(beta * rho) - 0.01 * pc",
    "batch-coupled": RHO + "-F.logsigmoid(beta * (rho - rho.mean())) + torch.softmax(rho, 0)",
    "sorted": RHO + "-F.logsigmoid(beta * (pc.sort().values - pr.sort().values))",
    "reference-free": HEAD + "return -F.logsigmoid(beta * (pc - pr))",
    "matrix": RHO + "(rho[:, None] @ rho[None, :]).mean(1) * beta",
}


@pytest.fixture(scope="module")
def worker() -> Path:
    path = os.environ.get("LOSSLAB_WORKER")
    if path is None:
        pytest.skip("no worker: set LOSSLAB_WORKER to a built losslab-worker")
    return Path(path)


@pytest.fixture(scope="module")
def processes(worker: Path) -> Iterator[LossProcesses]:
    os.environ["LOSSLAB_TEST_SECRET"] = "hidden"
    started = LossProcesses.start(worker)
    yield started
    started.close()


def batch(
    size: int = 16, dtype: torch.dtype = torch.float32, seed: int = 1
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    logps = torch.randn(4, size, generator=torch.Generator().manual_seed(seed)) * 20 - 150
    chosen, rejected, *reference = logps.to(dtype)
    return chosen, rejected, reference[0], reference[1]


def same_bits(left: LossValues, right: LossValues) -> bool:
    names = ["losses", "policy_chosen_grad", "policy_rejected_grad", "reference_chosen_grad", "reference_rejected_grad"]
    for name in names:
        one, other = getattr(left, name), getattr(right, name)
        if (one is None) != (other is None):
            return False
        if one is not None and not torch.equal(one.view(torch.uint8), other.view(torch.uint8)):
            return False
    return left.depends_on == right.depends_on


@pytest.mark.parametrize("name", LOSSES)
def test_values_and_gradients_equal_the_in_process_ones_bit_for_bit(name: str, processes: LossProcesses) -> None:
    here, there = InProcessLoss(LOSSES[name]), processes.open(LOSSES[name])
    for dtype in (torch.float32, torch.bfloat16, torch.float64):
        for size in (1, 2, 16, 64):
            for grads in (False, True):
                inputs = batch(size, dtype, seed=size)
                expected = here.evaluate(*inputs, 0.1, reference_grads=grads)
                assert same_bits(there.evaluate(*inputs, 0.1, reference_grads=grads), expected)
    there.close()


def test_the_trainer_backpropagates_the_same_gradients_bit_for_bit(processes: LossProcesses) -> None:
    weights = torch.linspace(-1, 1, 8)
    features = torch.randn(4, 32, 8, generator=torch.Generator().manual_seed(3))

    def logps(weight: torch.Tensor) -> list[torch.Tensor]:
        return [(features[index] * weight).sum(1) - 20 for index in range(2)]

    whole = weights.clone().requires_grad_()
    chosen, rejected = logps(whole)
    reference = [tensor.detach() for tensor in logps(weights * 0.9)]
    rho = (chosen - rejected) - (reference[0] - reference[1])
    (-torch.nn.functional.logsigmoid(0.1 * rho)).mean().backward()  # type: ignore[no-untyped-call]  # torch's own

    split = weights.clone().requires_grad_()
    chosen, rejected = logps(split)
    with_process = processes.open(DPO)
    values = with_process.evaluate(chosen, rejected, reference[0], reference[1], 0.1)
    torch.autograd.backward([chosen, rejected], [values.policy_chosen_grad, values.policy_rejected_grad])
    with_process.close()
    assert whole.grad is not None and split.grad is not None
    assert torch.equal(whole.grad, split.grad)


def test_the_largest_batch_fits_and_a_larger_one_is_the_callers_mistake(processes: LossProcesses) -> None:
    loss = processes.open(DPO)
    inputs = batch(65536, torch.float64)
    assert same_bits(loss.evaluate(*inputs, 0.1), InProcessLoss(DPO).evaluate(*inputs, 0.1))
    with pytest.raises(ValueError, match="65537"):
        loss.evaluate(*batch(65537), 0.1)
    with pytest.raises(ValueError, match="dtype"):
        chosen, rejected, reference, _ = batch(2)
        loss.evaluate(chosen, rejected, reference, reference.double(), 0.1)
    loss.close()


def test_values_stay_when_the_process_evaluates_again_or_ends(processes: LossProcesses) -> None:
    loss = processes.open(DPO)
    first = loss.evaluate(*batch(seed=1), 0.1)
    kept = first.losses.clone()
    loss.evaluate(*batch(seed=2), 0.1)
    loss.close()
    assert torch.equal(first.losses, kept)


def test_nonfinite_values_are_handed_on_only_when_asked_for(processes: LossProcesses) -> None:
    loss = processes.open(RHO + "torch.exp(rho * 1000)")
    with pytest.raises(LossRejected) as rejected:
        loss.evaluate(*batch(), 0.1)
    assert rejected.value.code == "nonfinite"
    assert torch.isinf(loss.evaluate(*batch(), 0.1, allow_nonfinite=True).losses).any()
    loss.close()


def test_an_input_that_is_not_used_has_zero_partials_and_says_so(processes: LossProcesses) -> None:
    loss = processes.open(HEAD + "return -F.logsigmoid(beta * pc)")
    values = loss.evaluate(*batch(), 0.1, reference_grads=True)
    assert values.depends_on == (True, False, False, False)
    assert values.policy_rejected_grad.abs().max() == 0
    loss.close()


def test_an_exception_names_its_line_and_the_process_goes_on(processes: LossProcesses) -> None:
    loss = processes.open(HEAD + "if pc.shape[0] == 2:\n        raise ValueError('two is too few')\n    return pc - pr")
    with pytest.raises(LossRejected) as rejected:
        loss.evaluate(*batch(2), 0.1)
    assert rejected.value.code == "exception"
    assert rejected.value.message == "ValueError: two is too few"
    assert rejected.value.line == 5
    loss.evaluate(*batch(16), 0.1)
    loss.close()


def test_after_a_timeout_the_same_rejection_is_repeated_and_nothing_is_left(processes: LossProcesses) -> None:
    before = descendants(os.getpid())
    loss = processes.open(HEAD + "while True: pass", LossLimits(evaluation_seconds=0.3))
    for _ in range(2):
        with pytest.raises(LossRejected) as rejected:
            loss.evaluate(*batch(), 0.1)
        assert rejected.value.code == "timeout"
    assert none_left(descendants(os.getpid()) - before)
    loss.close()
    loss.close()


def none_left(pids: set[int], seconds: float = 5) -> bool:
    """Whether all of these have ended, or end soon."""
    deadline = time.monotonic() + seconds
    while any(process_state(pid) not in (None, "Z") for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_a_closed_process_is_gone_and_says_so(processes: LossProcesses) -> None:
    before = descendants(os.getpid())
    loss = processes.open(DPO)
    made = descendants(os.getpid()) - before
    assert len(made) == 2, "a supervisor and its loss process"
    loss.close()
    assert none_left(made)
    with pytest.raises(SandboxError):
        loss.evaluate(*batch(), 0.1)


def test_a_dead_or_stopped_zygote_is_replaced(worker: Path) -> None:
    processes = LossProcesses(ZygoteClient(worker, Path(sys.prefix), PYTHON_PATH, answer_seconds=1.0))
    for count, blow in enumerate([signal.SIGKILL, signal.SIGSTOP], start=1):
        loss = processes.open(DPO)
        loss.evaluate(*batch(), 0.1)
        struck = processes.zygote_pid
        assert struck is not None
        os.kill(struck, blow)
        processes.open(DPO).evaluate(*batch(), 0.1)
        assert processes.zygote_pid != struck
        assert processes.zygote_restarts == count
        # The process of the old zygote went with it, which is our fault and not that of its loss.
        with pytest.raises(SandboxError, match="zygote"):
            loss.evaluate(*batch(), 0.1)
    processes.close()


def test_a_zygote_that_cannot_start_is_our_fault_and_named(worker: Path, tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="no/such/worker"):
        LossProcesses.start("/no/such/worker")
    processes = LossProcesses.start(worker, venv=tmp_path)
    with pytest.raises(SandboxError, match="make setup"):
        processes.open(DPO)


def test_everything_ends_with_the_trainer(worker: Path) -> None:
    script = (
        "import sys, time\n"
        "from losslab_trainer.loss_process import LossProcesses\n"
        "processes = LossProcesses.start(sys.argv[1])\n"
        "loss = processes.open(sys.argv[2])\n"
        "print('open', flush=True)\n"
        "time.sleep(1000)\n"
    )
    trainer = subprocess.Popen([sys.executable, "-c", script, str(worker), DPO], stdout=subprocess.PIPE, text=True)
    assert trainer.stdout is not None and trainer.stdout.readline() == "open\n"
    below = descendants(trainer.pid)
    assert len(below) == 3, "zygote, supervisor, loss process"
    trainer.kill()
    trainer.wait()
    assert none_left(below)


def test_the_zygote_and_a_loss_know_no_environment(worker: Path, processes: LossProcesses) -> None:
    with pytest.raises(LossRejected) as rejected:
        processes.open("import os\nraise ValueError(sorted(os.environ))")
    assert "LOSSLAB_TEST_SECRET" not in rejected.value.message
    assert "OMP_NUM_THREADS" in rejected.value.message
    if os.getuid() == 0:  # it is closed to everybody else
        assert b"hidden" not in Path(f"/proc/{processes.zygote_pid}/environ").read_bytes()


def test_a_zygote_started_with_secrets_overwrites_them_where_they_lie(worker: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can look into the zygote")
    ours, theirs = socket.socketpair()
    command = [str(worker), "loss-zygote", "--venv", sys.prefix, "--python-path", str(PYTHON_PATH)]
    command += ["--control-fd", str(theirs.fileno()), "--parent", str(os.getpid())]
    zygote = subprocess.Popen(command, env={**os.environ, "PYTHONHOME": "/no"}, pass_fds=(theirs.fileno(),))
    environment = Path(f"/proc/{zygote.pid}/environ")
    deadline = time.monotonic() + 5
    while b"hidden" in environment.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        assert process_state(zygote.pid) in ("R", "S", "D")
        assert b"hidden" not in environment.read_bytes()
    finally:
        zygote.kill()
        zygote.wait()
        ours.close()
        theirs.close()


@pytest.mark.parametrize("lacking", ["landlock", "landlock,seccomp"])
def test_without_landlock_or_seccomp_generated_code_is_refused_by_name(lacking: str, worker: Path) -> None:
    said = on_a_poorer_kernel(lacking, worker)
    names = lacking.split(",")
    assert said.startswith(f"generated code is not run without {' and '.join(names)}: ")
    assert "--allow-unsandboxed" in said


def test_without_landlock_and_seccomp_an_explicit_flag_goes_on_and_says_what_is_missing(worker: Path) -> None:
    said = on_a_poorer_kernel("landlock,seccomp", worker, allow_unsandboxed=True)
    assert said == "missing ['landlock', 'seccomp']"


def on_a_poorer_kernel(lacking: str, worker: Path, *, allow_unsandboxed: bool = False) -> str:
    """What opening and evaluating a loss came to, in one line."""
    script = (
        "import sys, torch\n"
        "from losslab_trainer.loss_process import LossProcesses\n"
        "from losslab_trainer.zygote_client import SandboxError\n"
        "processes = LossProcesses.start(sys.argv[1], allow_unsandboxed=sys.argv[3] == 'True')\n"
        "try:\n"
        "    loss = processes.open(sys.argv[2])\n"
        "    loss.evaluate(*[torch.zeros(4)] * 4, 0.1)\n"
        "    print('missing', loss.layers['missing'])\n"
        "except SandboxError as error:\n"
        "    print(error)\n"
        "processes.close()\n"
    )
    poorer = [sys.executable, str(HERE / "poorer_kernel.py"), lacking, sys.executable, "-c", script]
    command = [*poorer, str(worker), DPO, str(allow_unsandboxed)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_system_says_what_the_machine_offers_and_lacks(worker: Path) -> None:
    def report(*prefix: str) -> tuple[int, dict[str, dict[str, object]]]:
        done = subprocess.run([*prefix, str(worker), "system", "--venv", sys.prefix], capture_output=True, check=False)
        return done.returncode, json.loads(done.stdout)

    code, full = report()
    assert code == 0
    assert full["venv"] == {"path": sys.prefix, "usable": True, "torch": True, "problem": None}
    assert full["sandbox"]["missing"] == [] and full["sandbox"]["problem"] is None
    code, poor = report(sys.executable, str(HERE / "poorer_kernel.py"), "landlock")
    assert code == 1
    assert poor["sandbox"]["missing"] == ["landlock"]
    assert "Landlock" in str(poor["sandbox"]["problem"])


def test_a_process_dies_with_its_supervisor(processes: LossProcesses) -> None:
    loss: LossProcess = processes.open(DPO)
    assert loss.supervisor_pid is not None
    below = descendants(loss.supervisor_pid)
    assert len(below) == 1
    os.kill(loss.supervisor_pid, signal.SIGKILL)
    assert none_left(below)
    loss.close()
