"""What a result depends on besides its inputs: the code that ran and the libraries it ran on.

`python -m losslab_trainer.identity` writes one line of JSON: for each kind of job the hash of every file that its code
imports, and the versions of the libraries. The files are found by walking imports, so no list of them is kept.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Where each kind of job begins. The second process, in which a loss runs, is started and not imported.
_LOSS_PROCESS = "losslab_trainer.loss_zygote"
ENTRIES: Mapping[str, Sequence[str]] = {
    "train": ("losslab_trainer.train_job", _LOSS_PROCESS),
    "finetune": ("losslab_trainer.finetune_job", _LOSS_PROCESS),
    "reward": ("losslab_trainer.reward_job",),
    "check": ("losslab_trainer.screening.job", _LOSS_PROCESS),
}
# What numbers come from. Of those that a machine lacks none is used.
LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "peft",
    "accelerate",
    "trl",
    "datasets",
    "pyarrow",
)


class IdentityError(Exception):
    """Code whose imports cannot be followed; the message names the file and the place."""


def closure(entries: Sequence[str], roots: Sequence[Path] = (ROOT,)) -> dict[str, Path]:
    """The modules that importing these would load from the roots, themselves included, by name."""
    found: dict[str, Path] = {}
    waiting = list(entries)
    for entry in entries:
        if _file(entry, roots) is None:
            raise IdentityError(f"there is no module {entry} below {', '.join(map(str, roots))}")
    while waiting:
        name = waiting.pop()
        path = _file(name, roots)
        if name in found or path is None:
            continue
        found[name] = path
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        waiting += _imports(path, name)
    return found


def code_hash(entries: Sequence[str], roots: Sequence[Path] = (ROOT,)) -> str:
    """SHA-256 over the names and contents of all that the entries import from the roots."""
    digest = hashlib.sha256()
    for name, path in sorted(closure(entries, roots).items()):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Python and the libraries that are installed, by name."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _file(module: str, roots: Sequence[Path]) -> Path | None:
    for root in roots:
        path = root.joinpath(*module.split("."))
        for candidate in (path / "__init__.py", path.with_suffix(".py")):
            if candidate.is_file():
                return candidate
    return None


def _imports(path: Path, module: str) -> Iterator[str]:
    """Every module that the file may import, anywhere in it: functions import late what is slow to load."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        raise IdentityError(f"{path}, line {error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (above, node.module or "") if part)
            yield base
            # `from package import module` names a module where there is one of that name.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def main() -> None:
    """Write the identity of this installation."""
    parser = argparse.ArgumentParser(prog="losslab_trainer.identity")
    parser.add_argument("--events-fd", type=int, default=1)
    descriptor: int = parser.parse_args().events_fd
    code = {kind: code_hash(entries) for kind, entries in ENTRIES.items()}
    os.write(descriptor, (json.dumps({"code": code, "versions": versions()}, sort_keys=True) + "\n").encode())


if __name__ == "__main__":
    main()
