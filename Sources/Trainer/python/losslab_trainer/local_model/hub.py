"""One file from the Hugging Face Hub."""

import os
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import cast

from losslab_trainer.local_model.problem import FetchProblem
from losslab_trainer.local_model.request import FetchRequest, HubFile, Progress, sha256_of

# A Hub that is there answers at once; without one there is the package index.
_FIRST_ANSWER_SECONDS = 5
_STALL_SECONDS = 30
_ATTEMPTS = 5
_PIECE = 1 << 18
_PARTIAL_CONTENT = 206


def fetch_from_hub(request: FetchRequest, hub: HubFile, progress: Progress) -> Path:
    """Download the file, going on where an earlier download broke off.

    Raises FetchProblem: `network` where the Hub does not answer or breaks off again and again, `content` for other
    bytes than expected, which are deleted.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in {"1", "true", "yes", "on"}:
        raise FetchProblem("network", "HF_HUB_OFFLINE is set")
    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    url = f"{base}/{hub.repository}/resolve/{urllib.parse.quote(hub.revision)}/{urllib.parse.quote(hub.file)}"
    partial = request.parts / "hub"
    problem = ""
    for attempt in range(_ATTEMPTS):
        have = partial.stat().st_size if partial.exists() else 0
        if have >= request.size:
            break
        try:
            _append(
                url, partial, request.size, progress, seconds=_FIRST_ANSWER_SECONDS if attempt == 0 else _STALL_SECONDS
            )
        except (OSError, HTTPException) as error:
            problem = f"{url}: {getattr(error, 'reason', None) or error or type(error).__name__}"
            arrived = partial.stat().st_size if partial.exists() else 0
            if arrived == have:
                break
    have = partial.stat().st_size if partial.exists() else 0
    if have < request.size:
        raise FetchProblem("network", problem or f"{url} has only {have} of {request.size} bytes")
    found = sha256_of(partial)
    if found != request.sha256:
        partial.unlink()
        raise FetchProblem("content", f"{url} has the SHA-256 {found}, expected {request.sha256}; nothing was kept")
    return partial


def _append(url: str, partial: Path, size: int, progress: Progress, *, seconds: float) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": "losslab"}
    if have:
        headers["Range"] = f"bytes={have}-"
    asked = urllib.request.Request(url, headers=headers)
    with cast(HTTPResponse, urllib.request.urlopen(asked, timeout=seconds)) as response:
        goes_on = response.status == _PARTIAL_CONTENT
        have = have if goes_on else 0
        with partial.open("ab" if goes_on else "wb") as output:
            while piece := response.read(_PIECE):
                have += len(piece)
                if have > size:
                    partial.unlink()
                    raise FetchProblem("content", f"{url} is larger than the {size} bytes expected")
                output.write(piece)
                progress(have)
