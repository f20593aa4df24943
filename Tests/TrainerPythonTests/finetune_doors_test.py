"""Every family's folder goes in, trains, comes out and goes in again with the same weights, logits and tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from finetune_models import Bench, write_rows
from losslab_trainer.data.template import TEMPLATES
from losslab_trainer.finetune import saving
from losslab_trainer.finetune.models import LoadedModel
from model_families import FAMILIES, Family, save_family, some_rows
from transformers import AutoModelForCausalLM, AutoTokenizer

pytestmark = pytest.mark.slow

TEXT = "Why are 12 cats naïve?\nBecause of  two spaces, 猫 and 🙂."


@pytest.mark.parametrize("family", FAMILIES, ids=[family.shape for family in FAMILIES])
def test_a_familys_folder_trains_saves_and_loads_again(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = some_rows(40)
    texts = [message["content"] for row in rows for side in row.values() for message in side]
    tokenizer = save_family(tmp_path / "model", family, texts)
    assert len(list((tmp_path / "model").glob("model-*.safetensors"))) > 1
    assert tokenizer.decode(tokenizer(TEXT, add_special_tokens=False)["input_ids"]).strip() == TEXT
    write_rows(tmp_path / "pairs.jsonl", rows)
    ids = torch.tensor([tokenizer(TEXT, add_special_tokens=False)["input_ids"]])

    logits: dict[str, torch.Tensor] = {}

    def save(loaded: LoadedModel, folder: Path, card: saving.Card) -> None:
        with torch.no_grad():
            logits["in hand"] = loaded.model(ids).logits
        original(loaded, folder, card)

    original = saving.save
    monkeypatch.setattr(saving, "save", save)
    made = Bench(tmp_path, tmp_path / "model")
    chosen = {"chatTemplate": "zephyr"} if family.template is None else {}
    training = {"batchSize": 8, "maxLength": 96, "maxSteps": 3}
    result: dict[str, Any] = made.run(save=True, model=chosen, training=training)
    assert "problem" not in result, result
    assert result["steps"] == 3 and result["way"] == "shared" and result["heldOut"]["pairs"] > 0

    # Through transformers, as anybody would load it.
    before, after = (AutoModelForCausalLM.from_pretrained(path) for path in (made.model, result["weights"]))
    with torch.no_grad():
        untrained, loaded = (model.eval()(ids).logits for model in (before, after))
    torch.testing.assert_close(loaded, logits["in hand"], rtol=0, atol=0)
    assert float((loaded - untrained).abs().max()) > 1e-3
    assert after.config.model_type == before.config.model_type
    assert (after.get_output_embeddings().weight is after.get_input_embeddings().weight) == family.tied
    again = AutoTokenizer.from_pretrained(result["weights"])
    assert again(TEXT)["input_ids"] == tokenizer(TEXT)["input_ids"]
    # The template that it was trained with comes along, also where the family has none and one was chosen.
    template = TEMPLATES["zephyr"] if family.template is None else family.template
    assert (again.eos_token, again.chat_template) == (tokenizer.eos_token, template)

    # And through the trainer's own door: bit for bit the same weights and held-out scores.
    reloaded = made.run("again", loss=None, model={"path": result["weights"]}, training=training)
    assert reloaded["weightsHash"] == result["weightsHash"]
    scores = []
    for folder, side in (("out", "policy"), ("again", "reference")):
        lines = (tmp_path / folder / "held-out.jsonl").read_text().splitlines()
        scores.append([json.loads(line)[f"{side}ChosenLogps"] for line in lines])
    assert scores[1] == pytest.approx(scores[0], rel=1e-5)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.template], ids=lambda family: family.shape)
def test_a_dialogue_begins_with_one_token_of_beginning_or_none(family: Family, tmp_path: Path) -> None:
    from losslab_trainer.data.load import load_preferences  # noqa: PLC0415
    from losslab_trainer.data.spec import DataSpec  # noqa: PLC0415
    from losslab_trainer.data.tokenise import TokeniseOptions, tokenise  # noqa: PLC0415

    rows = some_rows(10)
    tokenizer = save_family(tmp_path / "model", family, [row["prompt"][0]["content"] for row in rows])
    loaded = load_preferences(DataSpec(str(write_rows(tmp_path / "pairs.jsonl", rows)))).rows
    for pair in tokenise(loaded, AutoTokenizer.from_pretrained(tmp_path / "model"), TokeniseOptions()).pairs:
        beginnings = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
        assert [i for i in pair.prompt_ids + pair.chosen_ids if i == tokenizer.bos_token_id] == beginnings
        assert list(pair.prompt_ids[: len(beginnings)]) == beginnings
