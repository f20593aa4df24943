"""Reads a checkpoint's weights: every one that the model has a place for, no other, and none that is not a number.

transformers draws what a checkpoint lacks at random, anew at each load, and leaves out what it has no place for. A
model of which a part is random trains all the same, so both are refused here, at every door that loads weights.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from losslab_trainer.finetune.memory import is_out_of_memory
from losslab_trainer.finetune.problem import FinetuneProblem, first_line
from losslab_trainer.finetune.weight_files import Stored, stored_weights

NAMED = 3  # weights that a message names
# Of what config.json describes and the weight files hold; a head that is missing may be as large as all the rest.
PARAMETERS_A_STORED, PARAMETERS_A_BYTE = 4, 32  # the second where config.json says that weights are packed
LARGEST_BUFFERS = 1 << 30  # bytes that are no weights, such as masks


def load_checkpoint(auto: Any, folder: Path, what: str, **options: Any) -> Any:
    """The model that one of transformers' Auto classes makes of a folder; ``what`` names it in a FinetuneProblem."""
    _check_padding(folder, what)
    stored = stored_weights(folder, what)
    if stored is not None:
        require_room(without_memory(auto, load_config(folder, what), what), stored, what)
    try:
        model, report = auto.from_pretrained(
            folder,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
            **options,
        )
    except Exception as error:  # files of every kind of damage
        if is_out_of_memory(error):
            raise FinetuneProblem(f"{what}: out of memory loading it; take a smaller model or dtype") from None
        raise FinetuneProblem(f"{what}: cannot be loaded ({first_line(error)})") from error
    fault = fault_of(model, report)
    if fault is not None:
        raise FinetuneProblem(f"{what}: {fault}")
    return model


def load_config(folder: Path, what: str) -> Any:
    """A folder's configuration. Raises FinetuneProblem."""
    try:
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # files of every kind of damage
        raise FinetuneProblem(f"{what}: config.json cannot be used ({first_line(error)})") from error


def without_memory(auto: Any, config: Any, what: str, **options: Any) -> Any:
    """The model that a configuration describes, with shapes and no values. Raises FinetuneProblem."""
    try:
        with torch.device("meta"):
            return auto.from_config(config, trust_remote_code=False, **options)
    except Exception as error:  # settings of every kind of damage
        raise FinetuneProblem(f"{what}: config.json describes no model ({first_line(error)})") from error


def require_room(model: Any, stored: Stored, what: str) -> None:
    """A model without memory is compared with what is stored: the rest would be drawn at random, however large."""
    described = sum(p.numel() for p in model.parameters())
    packed = getattr(model.config, "quantization_config", None) is not None
    most = stored.bytes * PARAMETERS_A_BYTE if packed else stored.parameters * PARAMETERS_A_STORED
    buffers = sum(b.numel() * b.element_size() for b in model.buffers())
    if described > most or buffers > max(LARGEST_BUFFERS, stored.bytes):
        raise FinetuneProblem(
            f"{what}: config.json describes a model of {described:.3g} parameters and {buffers:.3g} bytes beside them, "
            f"and the weight files hold {stored.parameters:.3g} parameters; they do not belong together. Give a folder "
            "whose files were saved together"
        )


def fault_of(model: Any, report: Mapping[str, Any]) -> str | None:
    """What is wrong with the weights that were read, with the next step; None where they are the whole model.

    ``report`` is transformers' own, which counts a tied weight as there when the one it is tied to is.
    """
    other_shapes = sorted(report["mismatched_keys"])
    if other_shapes:
        name, stored, wanted = other_shapes[0]
        more = f", and {len(other_shapes) - 1} more differ" if len(other_shapes) > 1 else ""
        return (
            f"weights and config.json differ: {name} is stored as {list(stored)}, and the model has {list(wanted)}"
            f"{more}; give a folder whose files were saved together"
        )
    missing, unexpected = sorted(report["missing_keys"]), sorted(report["unexpected_keys"])
    if missing:
        held = f"; what they hold instead is {_list(unexpected)}" if unexpected else ""
        return (
            f"its weights hold no {_list(missing)}, which would be drawn at random{held}. Give a folder that "
            f"save_pretrained wrote from a whole {type(model).__name__}"
        )
    if unexpected:
        return (
            f"its weights hold {_list(unexpected)}, which {type(model).__name__} has no place for and would leave out; "
            f"load it with the class it was saved from and save it as a {type(model).__name__}, or give another model"
        )
    broken = [name for name, p in model.named_parameters() if p.is_floating_point() and not _finite(p.detach())]
    if broken:
        return f"its weights are not all finite numbers (NaN or infinite in {_list(broken)}); give another checkpoint"
    return None


def _check_padding(folder: Path, what: str) -> None:
    """An embedding cannot be made whose padding is beyond its rows; torch says so without a name."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        config = json.loads((folder / "config.json").read_text("utf-8"))
        pad, rows = config.get("pad_token_id"), config.get("vocab_size")
        if pad is not None and rows is not None and pad >= rows:
            raise FinetuneProblem(
                f"{what}: its config.json has pad_token_id {pad}, and the model has rows for {rows} tokens; set "
                "pad_token_id to null there (another token then pads), or to one that the model has"
            )


def _finite(values: torch.Tensor) -> bool:
    # A sum of finite values may overflow, so only a sum that is not finite is looked at closely.
    return values.is_meta or bool(values.float().sum().isfinite()) or bool(values.isfinite().all())


def _list(names: Iterable[str]) -> str:
    names = list(names)
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
