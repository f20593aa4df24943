"""A model folder is looked at before anything is loaded: what cannot be used is one sentence at every door, at once."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_folders import FOLDERS, OF_WEIGHTS, WEIGHTS, settings
from losslab_trainer.finetune import door
from losslab_trainer.finetune import folder as folders
from losslab_trainer.finetune.folder import check_folder
from losslab_trainer.finetune.problem import FinetuneProblem

SETTINGS = {"model_type": "llama", "vocab_size": 8, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A folder with a configuration, a tokenizer's and weights of two tensors."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(SETTINGS))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 1e30}))
    (folder / "tokenizer.json").write_text("{}")
    tensor = {"dtype": "F32", "shape": [8, 4]}
    header = {"__metadata__": {"format": "pt"}, "a": tensor | {"data_offsets": [0, 128]}}
    text = json.dumps(header | {"b": tensor | {"data_offsets": [128, 256]}}).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(text)) + text + bytes(256))
    return folder


def problem(folder: Path, *, weights: bool = True) -> str:
    with pytest.raises(FinetuneProblem) as found:
        check_folder(folder, f"model {folder}", weights=weights)
    assert "\n" not in str(found.value) and len(str(found.value)) < 700
    return str(found.value)


def test_a_good_folder_passes(good: Path) -> None:
    check_folder(good, "model")
    check_folder(good, "tokenizer", weights=False)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_cannot_be_used_is_one_sentence(good: Path, name: str) -> None:
    change, words = FOLDERS[name]
    change(good)
    for part in (*words, str(good)):
        assert part in problem(good)


@pytest.mark.parametrize("name", OF_WEIGHTS)
def test_weights_that_lie_are_named_and_are_no_matter_of_the_tokenizers(good: Path, name: str) -> None:
    change, words = OF_WEIGHTS[name]
    change(good)
    for part in (*words, str(good)):
        assert part in problem(good)
    check_folder(good, "tokenizer", weights=False)


def test_code_beside_an_architecture_that_transformers_has_is_left_alone(good: Path) -> None:
    """Phi-3's folders name code of their own, and are loaded by transformers'."""
    settings(auto_map={"AutoConfig": "configuration_llama.LlamaConfig"})(good)
    check_folder(good, "model")


def test_numbers_that_are_large_by_right_pass(good: Path) -> None:
    settings(time_step_limit=[0.0, float("inf")], max_position_embeddings=10_485_760, max_window_layers=28)(good)
    check_folder(good, "model")


def test_a_name_that_is_not_utf8_is_shown_and_refused(good: Path) -> None:
    other = Path(os.fsdecode(os.fsencode(good.parent) + b"/mod\xe9l"))
    good.rename(other)
    with pytest.raises(FinetuneProblem) as found:
        check_folder(other, "model")
    str(found.value).encode("utf-8")
    assert "mod\\xe9l: the name is not UTF-8; rename it" in str(found.value)
    # As it arrives from a command line, at the door of all jobs.
    job = {"kind": "finetune", "model": {"path": str(good.parent / "mod\N{REPLACEMENT CHARACTER}l")}}
    context: Any = None
    assert "the name is not UTF-8; rename it" in str(door.enter(job, context)["problem"])


def test_an_adapters_folder_that_is_damaged_is_still_an_adapters_folder(good: Path) -> None:
    (good / "adapter_config.json").write_text("[" * 100_000)
    assert "an adapter's folder" in problem(good)


@pytest.mark.parametrize("kind", ["estimate", "finetune", "inspect", "label", "reward"])
def test_every_job_refuses_at_once_without_importing_what_takes_seconds(good: Path, kind: str) -> None:
    FOLDERS["own code"][0](good)
    named = {"finetune": "model", "estimate": "model", "label": "model", "reward": "model", "inspect": "tokenizer"}
    model = str(good) if kind == "inspect" else {"path": str(good)}
    code = (
        "import json, sys\n"
        "from losslab_trainer.serve import JOB_KINDS\n"
        "result = JOB_KINDS[sys.argv[1]](json.loads(sys.argv[2]), None)\n"
        "print(json.dumps([result, [name for name in ('torch', 'transformers') if name in sys.modules]]))\n"
    )
    job = json.dumps({"kind": kind, named[kind]: model})
    environment = os.environ | {"PYTHONPATH": str(Path(folders.__file__).parents[2])}
    ended = subprocess.run(
        [sys.executable, "-c", code, kind, job], env=environment, capture_output=True, text=True, check=True
    )
    result, imported = json.loads(ended.stdout)
    assert "wants code of the folder's own" in result["problem"] and imported == []
