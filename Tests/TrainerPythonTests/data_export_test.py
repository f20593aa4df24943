"""Losses in the forms of others: TRL trains with the same values, and the published form comes back the same loss."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from losslab_trainer.contract import LossRejected
from losslab_trainer.export.job import export
from losslab_trainer.in_process_loss import InProcessLoss
from losslab_trainer.policy import Policy, load_policy, save_policy
from losslab_trainer.screening.fingerprint import Fingerprint, fingerprint
from losslab_trainer.screening.forms import to_file_form
from losslab_trainer.screening.gate import violations
from losslab_trainer.screening.job import measuring_in_process
from tiny_policy import random_pairs, tiny_policy
from trl_runs import exact_config, logged_steps

ROOT = Path(__file__).parents[2]
CATALOGUE = sorted((ROOT / "losses").glob("*/*.py"))


def exported(source: str, form: str) -> str:
    text = export({"source": source, "to": form})["text"]
    assert isinstance(text, str)
    return text


def fingerprint_of(source: str) -> Fingerprint | None:
    return fingerprint(measuring_in_process(InProcessLoss(source)))


@pytest.mark.parametrize("path", CATALOGUE, ids=lambda path: path.stem)
def test_the_published_form_comes_back_as_the_same_loss(path: Path) -> None:
    source = path.read_text()
    method = exported(source, "discopop")
    assert "    self,\n    policy_chosen_logps: torch.FloatTensor," in method
    back = to_file_form(method)
    assert "method" in back.forms
    assert violations(back.source) == []
    assert back.name == path.stem
    ours, theirs = fingerprint_of(source), fingerprint_of(back.source)
    assert ours is not None
    assert theirs is not None
    assert ours.hash == theirs.hash
    compile(exported(source, "trl"), path.name, "exec")


def test_the_published_form_needs_only_torch_around_it() -> None:
    source = (ROOT / "losses/published/aql.py").read_text()
    method = exported(source, "discopop")
    namespace: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    exec(method[method.index("def ") :], namespace)
    trainer = type("Trainer", (), {"beta": 0.07, "aql": namespace["aql"]})()
    chosen, rejected = torch.tensor([-9.0, -80]), torch.tensor([-12.0, -70])
    logps = (chosen, rejected, torch.tensor([-10.0, -75]), torch.tensor([-11.0, -73]))
    expected = InProcessLoss(source).evaluate(*logps, 0.07).losses
    assert torch.equal(trainer.aql(*logps), expected)


REBOUND = """
# ---
# name: re-bound
# title: Beta, and "quotes" \\\\ slashes
# origin: discovered
# beta: 0.2
# parents: []
# ---
import torch
import torch.nn.functional as F
from torch import Tensor

# Twice the scale.
SCALE = 2.0


def pull(x: Tensor, beta: float) -> Tensor:
    return -F.logsigmoid(beta * SCALE * x)  # nats


def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    '''A docstring of its own.'''
    # The margin.
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    beta = beta / 2
    return pull(rho, beta)  # half beta, twice the scale
""".lstrip()


def test_helpers_comments_and_a_rebound_beta_survive() -> None:
    method = exported(REBOUND, "discopop")
    assert "def re_bound(" in method
    assert "    beta = self.beta\n" in method
    assert "# Twice the scale." in method
    assert "# The margin." in method
    assert "# half beta, twice the scale" in method
    back = to_file_form(method)
    assert back.name == "re-bound"
    assert back.header["beta"] == 0.2
    ours, theirs = fingerprint_of(REBOUND), fingerprint_of(back.source)
    assert ours is not None
    assert theirs is not None
    assert ours.hash == theirs.hash
    assert "class ReBoundTrainer(DPOTrainer):" in exported(REBOUND, "trl")


def test_what_is_no_usable_loss_is_rejected_with_its_line() -> None:
    with pytest.raises(LossRejected) as rejection:
        exported(REBOUND.replace("    return ", "    open(beta)\n    return "), "trl")
    assert rejection.value.code == "forbidden"
    taken = REBOUND.replace("SCALE", "RECOMMENDED_BETA")
    with pytest.raises(LossRejected, match="RECOMMENDED_BETA is also one of TRL's"):
        exported(taken, "trl")
    with pytest.raises(ValueError, match="among trl, discopop"):
        export({"source": REBOUND, "to": "onnx"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    save_policy(tiny_policy(layers=2, width=48), folder / "model")
    (folder / "data").mkdir()
    rows = "".join(json.dumps(row) + "\n" for row in random_pairs(32, seed=5))
    (folder / "data" / "train.jsonl").write_text(rows)
    return folder


@pytest.fixture(scope="module")
def policy(folder: Path) -> Policy:
    return load_policy(folder / "model")


def module_of(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def summed_logps(model: Any, inputs: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """The plain way: logits, log-softmax, the completions' tokens summed."""
    with torch.no_grad():
        logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
    tokens = logits.log_softmax(-1).gather(-1, inputs["input_ids"][:, 1:, None])[..., 0]
    chosen, rejected = (tokens * inputs["completion_mask"][:, 1:]).sum(1).chunk(2)
    return chosen, rejected


# The last three depend on the whole batch; with a reference that is computed at each step, and once with one before.
LOSSES = [
    ("baselines/dpo", False),
    ("baselines/exo_pair", False),
    ("baselines/kto_pair", False),
    ("published/aql", False),
    ("published/aql", True),
    ("published/dbaql_discovered", False),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "precompute"), LOSSES)
def test_trl_trains_with_the_values_of_the_loss_itself(
    name: str, precompute: bool, folder: Path, policy: Policy, tmp_path: Path
) -> None:
    from datasets import disable_progress_bars  # noqa: PLC0415

    disable_progress_bars()
    source = (ROOT / f"losses/{name}.py").read_text()
    file = tmp_path / f"{Path(name).stem}_trl.py"
    file.write_text(exported(source, "trl"))
    trainer_class = next(v for k, v in vars(module_of(file)).items() if k.endswith("Trainer") and k != "DPOTrainer")
    loss, reference = InProcessLoss(source), copy.deepcopy(policy.model).eval()
    values: list[tuple[float, float]] = []

    class Watched(trainer_class):  # type: ignore[misc, valid-type]
        def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
            value = super().compute_loss(model, inputs, *arguments, **keywords)
            logps = (*summed_logps(model, inputs), *summed_logps(reference, inputs))
            values.append((float(value.detach()), float(loss.evaluate(*logps, self.beta).losses.mean())))
            return value

    config = exact_config(
        tmp_path / "out",
        beta=0.3,
        learning_rate=2e-3,
        per_device_train_batch_size=8,
        max_steps=6,
        precompute_ref_log_probs=precompute,
    )
    rows = random_pairs(32, seed=5)
    _, steps = logged_steps(Watched, copy.deepcopy(policy.model), policy.tokenizer, rows, config)
    assert len(values) == 6
    assert abs(values[-1][0] - values[0][0]) > 1e-3, "training should have moved the policy"
    for value, expected in values:
        assert value == pytest.approx(expected, rel=1e-6, abs=1e-6)
    for metric in ("loss", "rewards/margins", "rewards/accuracies", "logps/chosen", "entropy", "num_tokens"):
        assert metric in steps[0]


@pytest.mark.slow
def test_options_that_would_change_the_loss_are_refused(folder: Path, policy: Policy, tmp_path: Path) -> None:
    from datasets import Dataset  # noqa: PLC0415
    from trl import DPOConfig  # noqa: PLC0415

    file = tmp_path / "dpo_trl.py"
    file.write_text(exported((ROOT / "losses/baselines/dpo.py").read_text(), "trl"))
    config = DPOConfig(str(tmp_path), loss_type=["hinge"], use_cpu=True, bf16=False, report_to=[])
    rows = Dataset.from_list(random_pairs(4))
    with pytest.raises(ValueError, match="loss_type does not apply to the loss dpo"):
        module_of(file).DpoTrainer(
            copy.deepcopy(policy.model), args=config, train_dataset=rows, processing_class=policy.tokenizer
        )


@pytest.mark.slow
def test_the_file_runs_as_it_is(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "lrml_trl.py"
    file.write_text(exported((ROOT / "losses/published/lrml.py").read_text(), "trl"))
    command = [sys.executable, str(file), "--model_name_or_path", str(folder / "model"), "--dataset_name"]
    command += [str(folder / "data"), "--output_dir", str(tmp_path / "out"), "--max_steps", "2", "--use_cpu", "--bf16"]
    command += ["false", "--per_device_train_batch_size", "4", "--report_to", "none", "--logging_steps", "1"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "model.safetensors").is_file()
    assert "rewards/margins" in done.stdout
