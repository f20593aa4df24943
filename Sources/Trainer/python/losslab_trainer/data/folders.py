"""Folders: those that `datasets` saved, and those that hold data files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from losslab_trainer.data.json_files import columns_of
from losslab_trainer.data.opening import COMPRESSIONS, require_utf8_name
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.soundness import sound
from losslab_trainer.data.sources import Broken, RawRow, Source
from losslab_trainer.data.tables import without_padding

ENDINGS = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".arrow", ".feather")
NOT_DATA = frozenset({"dataset_infos.json", "dataset_info.json", "state.json", "dataset_dict.json"})


def ending(path: Path) -> str:
    """`.jsonl` of `a.jsonl.gz`; empty for anything that is no data file."""
    name = path.name.lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return next((end for end in ENDINGS if name.endswith(end)), "")


def is_saved(folder: Path) -> bool:
    """Whether `datasets` wrote this folder with ``save_to_disk``."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def open_saved(folder: Path, split: str | None, limit: int | None) -> Source:
    import datasets  # noqa: PLC0415 (takes a second)

    try:
        saved = datasets.load_from_disk(str(folder))
    except Exception as error:  # whatever the folder's content makes of it
        raise DataProblem(f"{folder} looks saved by `datasets`, which cannot load it: {error}") from None
    if not isinstance(saved, datasets.DatasetDict):
        if split is not None:
            raise DataProblem(f"{folder} holds one data set without splits; leave out --split {split}")
        return source_of_dataset(str(folder), saved, None, limit=limit)
    chosen = choose(str(folder), list(saved), split)
    return source_of_dataset(str(folder), saved[chosen], chosen, _others(saved, chosen), limit=limit)


def source_of_dataset(
    name: str, dataset: Any, split: str | None, others: Sequence[str] = (), *, limit: int | None
) -> Source:
    """All rows of a ``datasets.Dataset``, or the first ``limit``."""
    columns = tuple(dataset.column_names)
    try:
        values = dataset[:limit]
        padded = zip(*(values[column] for column in columns), strict=True)
        found = [dict(zip(columns, map(without_padding, row), strict=True)) for row in padded]
        rows = sound(found)
    except UnicodeDecodeError:
        rows = sound(_one_by_one(dataset, limit))
    return Source(name if split is None else f"{name} ({split})", columns, rows, split, tuple(others))


def _one_by_one(dataset: Any, limit: int | None) -> Iterator[RawRow]:
    for number in range(len(dataset) if limit is None else min(limit, len(dataset))):
        try:
            row: Mapping[str, Any] = dataset[number]
            yield {name: without_padding(value) for name, value in row.items()}
        except UnicodeDecodeError as error:
            yield Broken(f"a text is not UTF-8 at byte {error.start}")


def open_folder(
    folder: Path, split: str | None, limit: int | None, read: Callable[[Path, int | None], list[RawRow]]
) -> Source:
    """Data files of a folder: one file, the shards of one, or those that ``split`` names."""
    files = sorted(path for path in folder.rglob("*") if _is_data(path.relative_to(folder)) and path.is_file())
    if not files:
        raise DataProblem(f"{folder} holds no data files ({', '.join(ENDINGS)}, also compressed) and no saved data set")
    for file in files:
        require_utf8_name(file)
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(_group(file.relative_to(folder)), []).append(file)
    chosen = choose(str(folder), list(groups), split)
    rows: list[RawRow] = []
    for file in sorted(groups[chosen], key=_natural):
        if limit is None or len(rows) < limit:
            rows += read(file, None if limit is None else limit - len(rows))
    name = str(folder) if len(groups) == 1 else f"{folder} ({chosen})"
    return Source(name, columns_of(rows), rows, chosen, _others(groups, chosen))


def _is_data(path: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.parts)
    return not hidden and path.name not in NOT_DATA and ending(path) != ""


def _group(path: Path) -> str:
    """A file's name without ending and shard number, with its folders unless they only say `data`."""
    name = path.name[: path.name.lower().rindex(ending(path))]
    name = re.sub(r"[-_.]?\d{2,}(-of-\d+)?(-[0-9a-f]{16})?$", "", name) or name
    return "/".join([*(part for part in path.parent.parts if part != "data"), name])


def _natural(path: Path) -> list[tuple[int, str]]:
    """`a2` before `a10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", str(path)) if part]


def choose(name: str, splits: Sequence[str], split: str | None) -> str:
    """The split that is meant. Raises DataProblem listing them when that is not clear."""
    if split is None and len(splits) == 1:
        return splits[0]
    listed = ", ".join(splits)
    if split is None:
        raise DataProblem(f"{name} has several splits; choose one with --split: {listed}")
    if split in splits:
        return split
    word = re.compile(rf"(^|[^A-Za-z0-9]){re.escape(split)}([^A-Za-z0-9]|$)")
    matching = [candidate for candidate in splits if word.search(candidate)]
    if len(matching) == 1:
        return matching[0]
    raise DataProblem(f"{name} has no split {split}; choose one with --split: {listed}")


def _others(splits: Any, chosen: str) -> tuple[str, ...]:
    return tuple(split for split in splits if split != chosen)
