"""What code a result depends on: found by imports, whole, and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from losslab_trainer.identity import ENTRIES, ROOT, IdentityError, closure, code_hash, versions


def write(folder: Path, **files: str) -> Path:
    """A package `lab` with these modules."""
    package = folder / "lab"
    package.mkdir(exist_ok=True)
    for name, text in ({"__init__": ""} | files).items():
        (package / f"{name}.py").write_text(text)
    return folder


@pytest.mark.parametrize(
    "line",
    [
        "import lab.other",
        "from lab.other import thing",
        "from lab import other",
        "from . import other",
        "from .other import thing",
        "def late():\n    from lab import (\n        first,\n        other,\n    )",
        "import os, lab.other as o",
    ],
)
def test_every_way_to_import_is_followed(tmp_path: Path, line: str) -> None:
    """Early or late, absolute or relative, on several lines."""
    root = write(tmp_path, start=line, other="import json", third="", first="")
    found = closure(["lab.start"], [root])
    assert {"lab", "lab.start", "lab.other"} <= set(found) and "lab.third" not in found
    before = code_hash(["lab.start"], [root])
    write(tmp_path, start=line, other="import json", third="changed = 1", first="")
    assert code_hash(["lab.start"], [root]) == before
    write(tmp_path, start=line, other="import json  # changed", third="", first="")
    assert code_hash(["lab.start"], [root]) != before


def test_what_cannot_be_followed_is_an_error(tmp_path: Path) -> None:
    """A module that is not there, and one that is no Python, are named."""
    with pytest.raises(IdentityError, match=r"no module lab\.gone below"):
        closure(["lab.gone"], [write(tmp_path)])
    with pytest.raises(IdentityError, match=r"start\.py, line 1"):
        closure(["lab.start"], [write(tmp_path, start="def (")])


@pytest.mark.parametrize("kind", sorted(ENTRIES))
def test_all_that_python_loads_is_in_it(kind: str) -> None:
    """Import the entries for real; every module of ours that is then loaded has been found."""
    program = (
        "import importlib, json, sys, types\n"
        # Built into the worker's program; what is imported does not depend on it.
        "sys.modules['_losslab_worker'] = types.ModuleType('_losslab_worker')\n"
        f"for name in {list(ENTRIES[kind])!r}: importlib.import_module(name)\n"
        "print(json.dumps([name for name in sys.modules if name.startswith('losslab_trainer')]))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}
    ).stdout
    assert set(json.loads(loaded)) <= set(closure(ENTRIES[kind]))


def test_the_libraries_below_are_named() -> None:
    """Torch and transformers decide numbers; what is not installed is not named."""
    found = versions()
    assert {"python", "torch", "transformers", "numpy"} <= set(found)
    assert all(found.values())
