"""Writes a GGUF file as a model folder that can be trained: `python -m losslab_trainer.local_model.unpack`.

The first line of standard input is the job, {"file": path, "folder": path, "sha256": of the file, "title": ...}. Events
leave as lines of JSON: {"event": "done", "path": ...} or {"event": "failed", "kind": ..., "message": ...}.

Covered: the folder is whole or it is not there; weights are the file's own numbers in float32 (what quantising lost
stays lost); input and output embeddings stay tied where the file holds them equal.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from losslab_trainer.failures import sentence
from losslab_trainer.local_model.lifeline import end_with_standard_input
from losslab_trainer.local_model.problem import FetchProblem

# Says what a folder was made of, so that the same unpacking is not done twice.
SOURCE_FILE = "losslab_source.json"


def unpack(file: Path, folder: Path, sha256: str, title: str) -> Path:
    """The folder, in Hugging Face layout. Raises FetchProblem."""
    source = {"title": title, "sha256": sha256, "weights": "float32, from the file's quantised numbers"}
    if (folder / SOURCE_FILE).is_file() and json.loads((folder / SOURCE_FILE).read_text()) == source:
        return folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FetchProblem("usage", f"{folder} holds something else already; name another folder with --out")
    # Weights in float32 take eight times the room of a file with about four bits each.
    needed = 9 * file.stat().st_size
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
        if free < needed:
            raise FetchProblem(
                "disk", f"{folder} may need {needed / 1e9:.1f} GB, and only {free / 1e9:.1f} GB are free there"
            )
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as made:
            _write(file, Path(made))
            (Path(made) / SOURCE_FILE).write_text(json.dumps(source, indent=1) + "\n")
            Path(made).chmod(0o755)
            if folder.exists():
                folder.rmdir()
            shutil.move(made, folder)
            Path(made).mkdir()  # for the block's own clearing up
    except OSError as error:
        raise FetchProblem("disk", f"{folder} cannot be written: {error.strerror or error}") from error
    return folder


def _write(file: Path, folder: Path) -> None:
    try:
        read = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32, trust_remote_code=False
        )
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, trust_remote_code=False)
    except Exception as error:  # whatever the readers of a foreign file come upon
        raise FetchProblem("content", f"{file} cannot be read as a model to train: {sentence(error)}") from error
    config, weights = read.config, read.state_dict()
    # What is saved is no quantised model any more; `save_pretrained` refuses one that says so.
    del config.quantization_config
    config.tie_word_embeddings = torch.equal(read.get_input_embeddings().weight, read.get_output_embeddings().weight)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(weights)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _job(line: bytes) -> Mapping[str, Any]:
    job: Mapping[str, Any] = json.loads(line)
    return job


def main() -> None:
    """Unpack what the first line of standard input names."""
    parser = argparse.ArgumentParser(prog="losslab_trainer.local_model.unpack")
    parser.add_argument("--events-fd", type=int, default=1)
    descriptor: int = parser.parse_args().events_fd

    def emit(event: dict[str, object]) -> None:
        os.write(descriptor, (json.dumps(event) + "\n").encode())

    job = _job(sys.stdin.buffer.readline())
    end_with_standard_input()
    try:
        with redirect_stdout(sys.stderr):
            path = unpack(Path(job["file"]), Path(job["folder"]), job["sha256"], job["title"])
        emit({"event": "done", "path": str(path)})
    except FetchProblem as problem:
        emit({"event": "failed", "kind": problem.kind, "message": str(problem)})
        sys.exit(1)


if __name__ == "__main__":
    main()
