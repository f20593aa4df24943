"""Loads a model's tokenizer, and tells which of its tokens the model has no row for."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from losslab_trainer.finetune.problem import FinetuneProblem, first_line
from losslab_trainer.finetune.settings import ModelSettings

NAMED = 3  # tokens that a message names


def load_tokenizer(folder: Path, settings: ModelSettings) -> Any:
    """The tokenizer, with a token to pad with. Raises FinetuneProblem."""
    from transformers import AutoTokenizer  # noqa: PLC0415  # seconds

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # files of every kind of damage
        raise FinetuneProblem(f"model {settings.path}: {why_not(folder, error)}") from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def why_not(folder: Path, error: Exception) -> str:
    """Why a folder's tokenizer cannot be loaded, with the next step."""
    pieces = sorted(path.name for path in folder.glob("*.model"))
    fast = (folder / "tokenizer.json").is_file()
    if pieces and not fast and importlib.util.find_spec("sentencepiece") is None:
        return (
            f"its tokenizer is a sentencepiece model ({pieces[0]}), which needs the package sentencepiece; install it "
            "into the venv (pip install sentencepiece), or give a folder with a tokenizer.json"
        )
    base = base_of_adapter(folder)
    if base is not None and not fast:
        return f"an adapter's folder without a tokenizer; give the folder of its model ({base})"
    return f"its tokenizer cannot be loaded ({first_line(error)}); save it there with tokenizer.save_pretrained"


def base_of_adapter(folder: Path) -> str | None:
    """The model that the adapter in a folder was trained on; None where no adapter is there."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        return None
    try:
        base = json.loads(path.read_text("utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError, RecursionError):
        base = None
    return str(base or "not named in its adapter_config.json")


def fit(tokenizer: Any, model: Any, what: str) -> None:
    """Pads with a token that the model has a row for. Raises FinetuneProblem where its vocabulary is another model's.

    Tokens that were added and have no row do no harm until a text holds one: ``require_rows`` looks for them.
    """
    beyond, rows = without_row(tokenizer, model), rows_of(model)
    own = sorted(set(beyond) - set(tokenizer.get_added_vocab()))
    if own:
        raise FinetuneProblem(
            f"{what}: the tokenizer has {len(tokenizer)} tokens and the model embeds {rows} "
            f"({own[0]!r} has the id {beyond[own[0]]}); they do not belong together. Give the tokenizer that the model "
            "was trained with"
        )
    if tokenizer.pad_token in beyond:
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(0)
        if tokenizer.eos_token is not None and tokenizer.eos_token not in beyond:
            tokenizer.pad_token = tokenizer.eos_token


def require_rows(tokenizer: Any, model: Any, what: str, texts: Iterable[tuple[str, Sequence[int]]]) -> None:
    """Raises FinetuneProblem for the first of ``texts``, each with its place, that holds a token without a row."""
    beyond = without_row(tokenizer, model)
    if not beyond:
        return
    tokens = {number: token for token, number in beyond.items()}
    for place, ids in texts:
        found = next((i for i in ids if i in tokens), None)
        if found is not None:
            shown = ", ".join(f"{token!r} = {number}" for token, number in list(beyond.items())[:NAMED])
            raise FinetuneProblem(
                f"{what}: {place} holds {tokens[found]!r} (id {found}), and the model embeds {rows_of(model)} tokens. "
                f"The tokenizer has more ({shown}{' and others' if len(beyond) > NAMED else ''}): give the model rows "
                f"for them (model.resize_token_embeddings({max(tokens) + 1}), then save_pretrained) and train them, or "
                "give data and a chat template without them"
            )


def without_row(tokenizer: Any, model: Any) -> Mapping[str, int]:
    """Tokens whose id is beyond the model's embeddings, with their ids, by id."""
    rows = rows_of(model)
    found = {token: number for token, number in tokenizer.get_vocab().items() if number >= rows}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def rows_of(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])
