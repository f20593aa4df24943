"""Looks at a model folder before anything is loaded, or anything heavy imported: every door asks here first.

By its small files and its weights' headers alone. A folder that would run code of its own, whose files are damaged or
contradict each other, or whose numbers would be built for minutes, ends here in one sentence.
"""

from __future__ import annotations

import importlib.util
import re
import runpy
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from losslab_trainer.data.opening import require_utf8_name
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.finetune.json_file import AGAIN, read_object, require_regular
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.tokenizer import base_of_adapter
from losslab_trainer.finetune.weight_files import ONE, Stored, pickles, stored_weights

CONFIG, OF_TOKENIZER = "config.json", "tokenizer_config.json"
OBJECTS = (OF_TOKENIZER, "special_tokens_map.json", "added_tokens.json", "generation_config.json")
FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt", "chat_template.jinja")
LARGEST_FILE = 512 << 20  # bytes of a tokenizer's file
# What a model has at least one of.
COUNTED = re.compile(
    r"vocab_size|hidden_size|n_embd|d_model|num_hidden_layers|n_layers?|num_layers|num_attention_heads|n_head|num_heads"
    r"|num_key_value_heads"
)
LAYERS = re.compile(r"num_hidden_layers|n_layers?|num_layers|(num_)?(encoder|decoder)_layers")
# What is made one by one.
PARTS = re.compile(r".*(layers?|experts|heads?|blocks|stages|groups|codebooks)")
MOST_PARTS = 65_536
LAYERS_ALLOWED, LAYERS_A_TENSOR = 64, 4  # some architectures use one layer's weights again and again


def check_folder(folder: Path, what: str, *, weights: bool = True) -> None:
    """Raises FinetuneProblem, which begins with ``what``; without ``weights`` for a tokenizer alone."""
    require_name(folder)
    if weights:
        _require_whole(folder, what)
    config = read_object(folder / CONFIG, what) if (folder / CONFIG).exists() else {}
    objects = {name: read_object(folder / name, what) for name in OBJECTS if (folder / name).exists()}
    for name in FILES:
        if (folder / name).exists():
            require_regular(folder / name, what, LARGEST_FILE)
    _refuse_own_code(config, objects.get(OF_TOKENIZER, {}), what)
    _require_counts(config, what)
    if weights:
        stored = stored_weights(folder, what)
        _require_weights(folder, stored, what)
        _require_layers(config, stored, what)


def require_name(folder: Path) -> None:
    """Raises FinetuneProblem for a name that is not UTF-8, also as a command line hands it on."""
    try:
        require_utf8_name(folder)
    except DataProblem as problem:
        raise FinetuneProblem(f"model folder {problem}") from None


def _require_whole(folder: Path, what: str) -> None:
    """transformers would load an adapter's base from elsewhere without a word."""
    base = base_of_adapter(folder)
    if base is not None:
        raise FinetuneProblem(
            f"{what}: an adapter's folder (adapter_config.json), not a whole model; its model: {base}. "
            "Merge the two and give the folder that comes of it (peft: AutoPeftModelForCausalLM.from_pretrained"
            f"({str(folder)!r}).merge_and_unload().save_pretrained, and the tokenizer's save_pretrained)"
        )
    if not (folder / CONFIG).exists():
        raise FinetuneProblem(f"{what}: no config.json; give a folder that save_pretrained wrote")


def _refuse_own_code(config: Mapping[str, Any], tokenizer: Mapping[str, Any], what: str) -> None:
    kind = config.get("model_type")
    if isinstance(kind, str) and kind in _known_architectures():
        return  # transformers has its own code for these, and takes that
    for name, settings in ((CONFIG, config), (OF_TOKENIZER, tokenizer)):
        if settings.get("auto_map"):
            raise FinetuneProblem(
                f"{what}: its {name} wants code of the folder's own to be run (auto_map), which is never done; give a "
                "model of an architecture that transformers has itself"
            )


@cache
def _known_architectures() -> frozenset[str]:
    """transformers' own list. It is read as the file that it is: importing transformers takes seconds."""
    found = importlib.util.find_spec("transformers")
    places = (found.submodule_search_locations if found is not None else None) or []
    for place in places:
        path = Path(place) / "models" / "auto" / "auto_mappings.py"
        if path.is_file():
            return frozenset(runpy.run_path(str(path)).get("CONFIG_MAPPING_NAMES", ()))
    return frozenset()


def _settings(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """A configuration's own settings and those of its text model."""
    yield from config.items()
    text = config.get("text_config")
    if isinstance(text, Mapping):
        yield from text.items()


def _require_counts(config: Mapping[str, Any], what: str) -> None:
    for name, value in _settings(config):
        if COUNTED.fullmatch(name) and not _is_count(value):
            raise FinetuneProblem(f"{what}: config.json has {name} {_shown(value)}, no whole number from 1; {AGAIN}")
        if PARTS.fullmatch(name) and isinstance(value, int) and value > MOST_PARTS:
            raise FinetuneProblem(f"{what}: config.json has {name} {_shown(value)}, more than {MOST_PARTS}; {AGAIN}")


def _is_count(value: Any) -> bool:
    """Some architectures have a list, with one for each layer, and null is for the class's own."""
    if value is None or isinstance(value, list):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _require_weights(folder: Path, stored: Stored | None, what: str) -> None:
    if stored is not None:
        return
    found = pickles(folder)
    if found:
        raise FinetuneProblem(
            f"{what}: its weights are a pickle ({found[0]}), and opening one may run what is in it. If you trust where "
            f"it is from, write {ONE} beside it: load it with transformers' AutoModelForCausalLM.from_pretrained and "
            "save it with save_pretrained"
        )
    raise FinetuneProblem(f"{what}: no weights ({ONE}); {AGAIN}")


def _require_layers(config: Mapping[str, Any], stored: Stored | None, what: str) -> None:
    most = LAYERS_ALLOWED + LAYERS_A_TENSOR * (0 if stored is None else stored.tensors)
    for name, value in _settings(config):
        if LAYERS.fullmatch(name) and isinstance(value, int) and value > most:
            raise FinetuneProblem(
                f"{what}: config.json has {name} {value}, and its weights are {0 if stored is None else stored.tensors}"
                " tensors; they do not belong together. Give a folder whose files were saved together"
            )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
