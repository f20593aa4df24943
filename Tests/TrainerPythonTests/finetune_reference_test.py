"""Reference log-probabilities on disk: found again by content, computed anew when anything they depend on changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from finetune_models import Bench, bench, save_tiny
from losslab_trainer.data.tokenise import TokenisedPair
from losslab_trainer.finetune import reference
from losslab_trainer.finetune.layout import Pair
from losslab_trainer.finetune.models import LoadedModel, load_model
from losslab_trainer.finetune.reference import ReferenceStore, model_key, pair_hash
from losslab_trainer.finetune.settings import ModelSettings
from safetensors.torch import load_file, save_file
from torch import Tensor

pytestmark = pytest.mark.slow

OPTIONS: dict[str, object] = {"max_length": 1024, "truncation": "keep_start"}


def loaded(folder: Path, dtype: str = "float32") -> LoadedModel:
    return load_model(ModelSettings(str(folder), dtype=dtype, device="cpu"))


def edit_json(path: Path, change: Callable[[dict[str, object]], None]) -> None:
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")


def one_weight(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    next(iter(tensors.values())).view(-1)[0] += 1e-6
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def one_merge(folder: Path) -> None:
    edit_json(folder / "tokenizer.json", lambda tokenizer: tokenizer["model"]["merges"].pop())  # type: ignore[index]


def template(folder: Path) -> None:
    path = folder / "chat_template.jinja"
    path.write_text(path.read_text("utf-8").replace("\n", " ", 1), "utf-8")


def configuration(folder: Path) -> None:
    edit_json(folder / "config.json", lambda config: config.update(rms_norm_eps=1e-3))


@pytest.mark.parametrize("change", [one_weight, one_merge, template, configuration])
def test_a_change_to_the_model_changes_the_key(tmp_path: Path, change: Callable[[Path], None]) -> None:
    folder = save_tiny(tmp_path / "model")
    before = model_key(loaded(folder), OPTIONS)
    assert model_key(loaded(folder), OPTIONS) == before
    change(folder)
    assert model_key(loaded(folder), OPTIONS) != before


def test_a_copy_elsewhere_has_the_same_key_and_another_dtype_or_truncation_has_not(tmp_path: Path) -> None:
    folder, other = save_tiny(tmp_path / "model"), save_tiny(tmp_path / "other")
    before = model_key(loaded(folder), OPTIONS)
    assert model_key(loaded(other), OPTIONS) == before
    keys = {before, model_key(loaded(folder, "bfloat16"), OPTIONS)}
    keys |= {
        model_key(loaded(folder), OPTIONS | {name: value})
        for name, value in (("max_length", 512), ("truncation", "keep_end"))
    }
    assert len(keys) == 4


def test_a_pairs_hash_changes_with_every_part() -> None:
    pair = TokenisedPair(0, (1, 2), (3,), (4, 5))
    others = [
        TokenisedPair(0, (1,), (2, 3), (4, 5)),
        TokenisedPair(0, (1, 2), (4, 5), (3,)),
        TokenisedPair(0, (1, 2), (3,), (4, 6)),
        TokenisedPair(0, (1, 2), (3,), (4, 5), rejected_prompt_ids=(2,)),
    ]
    assert len({pair_hash(p) for p in (pair, *others)}) == 5
    assert pair_hash(TokenisedPair(7, (1, 2), (3,), (4, 5))) == pair_hash(pair)  # wherever it stands


class Counter:
    """Stands for a model: a pair's values are its numbers of tokens."""

    def __init__(self) -> None:
        self.computed: list[int] = []

    def __call__(self, pairs: Sequence[Pair]) -> tuple[Tensor, Tensor]:
        self.computed.append(len(pairs))
        return torch.tensor([-1.0 * len(p.chosen_ids) for p in pairs]), torch.tensor(
            [-2.0 * p.rejected_ids[0] for p in pairs]
        )


def some_pairs(count: int) -> list[TokenisedPair]:
    return [TokenisedPair(i, (i,), tuple(range(1 + i % 5)), (i, 3)) for i in range(count)]


def test_only_what_is_missing_is_computed(tmp_path: Path) -> None:
    store, compute, pairs = ReferenceStore(tmp_path / "m"), Counter(), some_pairs(30)
    first, count = store.values(pairs[:20], compute)
    assert (count, compute.computed) == (20, [20])
    again, count = ReferenceStore(tmp_path / "m").values(list(reversed(pairs)), compute)
    assert (count, compute.computed) == (10, [20, 10])
    assert torch.equal(again.chosen.flip(0)[:20], first.chosen)
    assert again.rejected.tolist() == [-2.0 * i for i in reversed(range(30))]
    assert store.values([pairs[3], pairs[3]], compute)[1] == 0


def test_many_small_files_become_one_and_a_damaged_one_is_computed_again(tmp_path: Path) -> None:
    store, compute, pairs = ReferenceStore(tmp_path / "m"), Counter(), some_pairs(40)
    for i in range(reference.MOST_FILES + 3):
        store.values(pairs[i : i + 1], compute)
    files = list((tmp_path / "m").glob("*.safetensors"))
    assert len(files) < reference.MOST_FILES
    assert store.values(pairs[: reference.MOST_FILES + 3], compute)[1] == 0
    for file in files:
        file.write_bytes(file.read_bytes()[:-9])
    assert store.values(pairs[:4], compute)[1] == 4


@pytest.fixture
def tiny(tmp_path: Path) -> Bench:
    return bench(tmp_path, rows=40)


def test_candidates_seeds_and_subsets_share_one_computation(tiny: Bench) -> None:
    first = tiny.run(loss="dpo")
    assert first["referenceComputed"] == 40
    for changes in (
        {"loss": "slic"},
        {"training": {"seed": 2}},
        {"data": {"train": {"path": str(tiny.folder / "pairs.jsonl"), "limit": 30}}},
    ):
        assert tiny.run(**changes)["referenceComputed"] == 0
    assert tiny.run(training={"maxLength": 30})["referenceComputed"] > 0
