"""Which data is meant: a file, a folder or a data set of the Hugging Face Hub, and what its columns are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from losslab_trainer.data.problem import DataProblem

KEYS = frozenset({"path", "config", "split", "revision", "columns", "layout", "limit"})


@dataclass(frozen=True)
class DataSpec:
    """A source of preference pairs. Only ``path`` is needed where the source leaves no choice."""

    path: str  # file, folder, or Hub id
    config: str | None = None  # of a Hub data set
    split: str | None = None
    revision: str | None = None  # of a Hub data set
    columns: Mapping[str, str] = field(default_factory=dict)  # our name -> theirs
    layout: str | None = None  # a name of layouts.LAYOUTS, where the rows could be read in two ways
    limit: int | None = None  # the first rows only

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> DataSpec:
        """Reads a job's description. Raises DataProblem for unknown keys and wrong types."""
        unknown = sorted(set(value) - KEYS)
        if unknown:
            raise DataProblem(f"data: unknown key {unknown[0]!r}; known are {', '.join(sorted(KEYS))}")
        path = value.get("path")
        if not isinstance(path, str) or not path:
            raise DataProblem("data: `path` must name a file, a folder or a Hub data set")
        for key in ("config", "split", "revision", "layout"):
            if not isinstance(value.get(key), str | None):
                raise DataProblem(f"data {path}: `{key}` must be text, not {value[key]!r}")
        columns = value.get("columns") or {}
        if not isinstance(columns, Mapping) or not all(isinstance(name, str) for name in columns.values()):
            raise DataProblem(f"data {path}: `columns` must map our names to the source's, such as prompt: instruction")
        limit = value.get("limit")
        if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
            raise DataProblem(f"data {path}: `limit` must be a whole number from 1, not {limit!r}")
        return DataSpec(
            path,
            value.get("config"),
            value.get("split"),
            value.get("revision"),
            dict(columns),
            value.get("layout"),
            limit,
        )

    def to_json(self) -> dict[str, object]:
        return {
            "path": self.path,
            "config": self.config,
            "split": self.split,
            "revision": self.revision,
            "columns": dict(self.columns),
            "layout": self.layout,
            "limit": self.limit,
        }
