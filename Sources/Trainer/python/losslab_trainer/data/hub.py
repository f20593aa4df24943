"""Data sets of the Hugging Face Hub, through `datasets`, which keeps what it loaded in its own cache."""

from __future__ import annotations

import os
import re
from typing import Any

from losslab_trainer.data.folders import choose, source_of_dataset
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.sources import Source
from losslab_trainer.data.spec import DataSpec

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def open_hub(spec: DataSpec) -> Source:
    import datasets  # noqa: PLC0415 (takes a second)

    try:
        config = spec.config or _only_config(datasets, spec)
        splits = datasets.get_dataset_split_names(spec.path, config, revision=spec.revision)
        # A slice such as train[:100] is a split to `datasets`.
        sliced = spec.split is not None and re.match(r"[^\[\]+]+\[", spec.split) is not None
        split = spec.split if sliced and spec.split else choose(spec.path, splits, spec.split)
        dataset = datasets.load_dataset(spec.path, config, split=split, revision=spec.revision)
    except DataProblem:
        raise
    except Exception as error:  # the Hub, the network and the data set's own files raise all kinds
        raise DataProblem(_explained(spec, error)) from None
    others = [other for other in splits if other != split.split("[")[0]]
    return source_of_dataset(spec.path, dataset, split, others, limit=spec.limit)


def _only_config(datasets: Any, spec: DataSpec) -> str:
    configs: list[str] = datasets.get_dataset_config_names(spec.path, revision=spec.revision)
    if len(configs) != 1:
        raise DataProblem(f"{spec.path} has several configurations; choose one with --config: {', '.join(configs)}")
    return configs[0]


def _explained(spec: DataSpec, error: Exception) -> str:
    first = (str(error) or type(error).__name__).splitlines()[0]
    offline = any(os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"} for name in OFFLINE)
    unreachable = offline or any(isinstance(cause, OSError) for cause in _causes(error))
    if unreachable:
        why = "HF_HUB_OFFLINE is set" if offline else first
        return (
            f"{spec.path} is no file or folder here, and as a Hub data set it cannot be loaded: {why}. Check the path; "
            "or go online; or load it once where there is a network, `save_to_disk` it, and name that folder"
        )
    return f"{spec.path} is no file or folder here, and the Hub does not give it: {first}"


OFFLINE = ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE")


def _causes(error: BaseException | None) -> list[BaseException]:
    causes = []
    while error is not None and error not in causes:
        causes.append(error)
        error = error.__cause__ or error.__context__
    return causes
