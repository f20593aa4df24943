"""Writes a world's files so that the same content gives the same bytes, and reads and checks them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

MICROBENCH = Path(__file__).resolve().parent.parent
WORLD_FILE = "world.json"


def write_json_lines(rows: Iterable[Mapping[str, object]], path: Path) -> None:
    """One object a line; gzipped without a time stamp if the name ends in .gz."""
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0) if path.suffix == ".gz" else text)


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    raw = path.read_bytes()
    text = gzip.decompress(raw) if path.suffix == ".gz" else raw
    return [json.loads(line) for line in text.decode().splitlines() if line]


def write_world(folder: Path, facts: Mapping[str, object]) -> None:
    """world.json, with the hash of every other file in the folder."""
    world = {**facts, "files": file_hashes(folder)}
    (folder / WORLD_FILE).write_text(json.dumps(world, indent=2) + "\n", encoding="utf-8")


def read_world(folder: Path) -> dict[str, Any]:
    path = folder / WORLD_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} is no world: {WORLD_FILE} is missing")
    world: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return world


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a world but world.json, by its path inside the folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != WORLD_FILE
    }


def changed_files(folder: Path) -> list[str]:
    """What differs between a world's files and its world.json: one line a file, empty when all is as recorded."""
    recorded: dict[str, str] = read_world(folder)["files"]
    found = file_hashes(folder)
    missing = [f"{name}: missing" for name in recorded if name not in found]
    extra = [f"{name}: not in {WORLD_FILE}" for name in found if name not in recorded]
    changed = [f"{name}: changed" for name in recorded if name in found and found[name] != recorded[name]]
    return sorted([*missing, *extra, *changed])
