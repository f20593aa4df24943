"""Measures the training of a real model here against TRL's DPOTrainer: tokens a second and peak memory.

Both sides train the same random-initialised Llama on the same pairs in the same batches and order, each in a process of
its own; repeats are interleaved, so a busy machine slows both. TRL with its best flags: reference log-probabilities
precomputed, no gradient checkpointing, fused AdamW, no logging, no evaluation, no saving; Liger's kernels where they
are installed and there is a GPU (padding-free is switched off in TRL 1.16 itself). A token counts once for each
sequence it is in, on both sides, whether or not a side encodes a shared prompt twice. The first step warms up and is
not counted.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from losslab_trainer.bench.turns import spread

REPOSITORY = Path(__file__).parents[5]
REAL = REPOSITORY.parent / "shared" / "data" / "preferences"
BATCH, WARM_UP, BETA, RATE = 16, 1, 0.1, 1e-5
SIDES = ("ours", "TRL")
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class Size:
    """A Llama's shape and what is asked of it."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    dtype: str
    device: str
    target: float  # times TRL's tokens a second


SIZES = {
    "10M": Size(256, 9, 8, 768, 8192, "float32", "cpu", 2.0),
    "160M": Size(768, 12, 12, 3072, 32000, "bfloat16", "cuda", 1.5),
    "1B": Size(2048, 16, 32, 8192, 32000, "bfloat16", "cuda", 1.5),
}


def main() -> None:
    options = _options()
    if options.side is not None:
        result = _ours(options) if options.side == "ours" else _trl(options)
        print(json.dumps(result))
        return
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sizes = options.size or ["10M", *(["160M", "1B"] if _has_gpu() else [])]
    found = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            count = (options.steps + WARM_UP) * BATCH
            data = _write_pairs(folder, options.data, count)
            parameters = _write_model(folder, SIZES[size])
            runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
            for _ in range(options.repeats):
                for side in SIDES:
                    runs[side].append(_run(side, size, folder, options))
            found[size] = _summary(runs) | {"data": data, "parameters": parameters, "target": SIZES[size].target}
            if options.format == "table":
                _print(size, found[size], options)
    if options.format == "json":
        print(json.dumps(found))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(SIZES), action="append", help="default: 10M, with a GPU also the others")
    parser.add_argument(
        "--data", default="hh_rlhf_harmless_test", help="a folder of ../shared/data/preferences, or synthetic"
    )
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--max-length", type=int, default=512)
    parser.add_argument("--worker", type=Path, default=os.environ.get("LOSSLAB_WORKER"), help="losslab-worker")
    parser.add_argument("--format", choices=["table", "json"], default="table")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _run(side: str, size: str, folder: Path, options: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, "-m", "losslab_trainer.bench.finetune_against_trl", "--side", side, "--size", size]
    command += ["--folder", str(folder), "--max-length", str(options.max_length)]
    command += ["--worker", str(options.worker)] if options.worker else []
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{side} failed:\n{run.stderr[-3000:]}")
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


def _ours(options: argparse.Namespace) -> dict[str, float]:
    import torch  # noqa: PLC0415  # not before OMP_NUM_THREADS is set

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    from losslab_trainer.data.load import load_preferences  # noqa: PLC0415
    from losslab_trainer.data.spec import DataSpec  # noqa: PLC0415
    from losslab_trainer.data.tokenise import TokeniseOptions, tokenise  # noqa: PLC0415
    from losslab_trainer.finetune import loop, memory  # noqa: PLC0415
    from losslab_trainer.finetune.evaluation import score_all  # noqa: PLC0415
    from losslab_trainer.finetune.layout import token_count  # noqa: PLC0415
    from losslab_trainer.finetune.models import load_model  # noqa: PLC0415
    from losslab_trainer.finetune.scoring import PairScorer  # noqa: PLC0415
    from losslab_trainer.finetune.settings import ModelSettings, TrainingSettings  # noqa: PLC0415
    from losslab_trainer.reference_cache import ReferenceLogps  # noqa: PLC0415

    size = SIZES[options.size[0]]
    loaded = load_model(ModelSettings(str(options.folder / "model"), dtype=size.dtype, device=size.device))
    rows = load_preferences(DataSpec(str(options.folder / "pairs.jsonl"))).rows
    pairs = tokenise(rows, loaded.tokenizer, TokeniseOptions(max_length=options.max_length)).pairs
    scorer = PairScorer(loaded.model, autocast=loaded.autocast)
    started = time.perf_counter()
    chosen, rejected = score_all(scorer, pairs)
    reference_seconds = time.perf_counter() - started
    settings = TrainingSettings(
        RATE, BATCH, micro_batch_size=BATCH, schedule="linear", warmup_ratio=0.0, shuffle=False, metrics_every=1
    )
    times: list[float] = []

    def note(step: int, values: Any) -> None:
        if size.device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter())

    source = (REPOSITORY / "losses" / "baselines" / "dpo.py").read_text("utf-8")
    with contextlib.ExitStack() as stack:
        loss = _loss(source, options.worker, stack)
        loaded.model.train()
        loop.train(scorer, pairs, ReferenceLogps(chosen, rejected), loss, beta=BETA, settings=settings, on_metrics=note)
    tokens = sum(map(token_count, pairs[WARM_UP * BATCH :]))
    return {
        "tokens": tokens,
        "seconds": times[-1] - times[WARM_UP - 1],
        "reference": reference_seconds,
        "peak": memory.peak_bytes(loaded.device),
        "steps": len(times),
    }


def _loss(source: str, worker: Path | None, stack: contextlib.ExitStack) -> Any:
    """In a locked-down process, or in this one where no worker was built."""
    if worker is None:
        from losslab_trainer.in_process_loss import InProcessLoss  # noqa: PLC0415

        return InProcessLoss(source)
    from losslab_trainer.loss_process import LossProcesses  # noqa: PLC0415

    processes = LossProcesses.start(worker)
    stack.callback(processes.close)
    return stack.enter_context(contextlib.closing(processes.open(source)))


def _trl(options: argparse.Namespace) -> dict[str, float]:
    import torch  # noqa: PLC0415

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    from datasets import Dataset, disable_progress_bars  # noqa: PLC0415
    from torch.utils.data import SequentialSampler  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback  # noqa: PLC0415
    from trl import DPOConfig, DPOTrainer  # noqa: PLC0415

    from losslab_trainer.finetune import memory  # noqa: PLC0415

    disable_progress_bars()
    size = SIZES[options.size[0]]
    times: list[float] = []
    counted = 0

    class Clock(TrainerCallback):  # type: ignore[misc]  # transformers is untyped here
        def on_step_end(self, *_: Any, **__: Any) -> None:
            if size.device == "cuda":
                torch.cuda.synchronize()
            times.append(time.perf_counter())

    class InOrder(DPOTrainer):  # type: ignore[misc]  # trl is untyped here
        def _get_train_sampler(self, dataset: Any = None) -> Any:
            return SequentialSampler(dataset or self.train_dataset)

        def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
            nonlocal counted
            if len(times) >= WARM_UP:
                counted += int(inputs["attention_mask"].sum())
            return super().compute_loss(model, inputs, *arguments, **keywords)

    rows = [json.loads(line) for line in (options.folder / "pairs.jsonl").read_text("utf-8").splitlines()]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        trainer = InOrder(
            AutoModelForCausalLM.from_pretrained(options.folder / "model", dtype=torch.float32),
            args=DPOConfig(
                folder,
                loss_type=["sigmoid"],
                beta=BETA,
                precompute_ref_log_probs=True,
                precompute_ref_batch_size=BATCH,
                max_length=options.max_length,
                learning_rate=RATE,
                per_device_train_batch_size=BATCH,
                num_train_epochs=1,
                lr_scheduler_type="linear",
                weight_decay=0.0,
                max_grad_norm=1.0,
                use_cpu=size.device == "cpu",
                bf16=size.dtype == "bfloat16",
                gradient_checkpointing=False,
                use_liger_kernel=size.device == "cuda" and importlib.util.find_spec("liger_kernel") is not None,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(options.folder / "model"),
            callbacks=[Clock()],
        )
        prepared = time.perf_counter() - started
        trainer.train()
    return {
        "tokens": counted,
        "seconds": times[-1] - times[WARM_UP - 1],
        "reference": prepared,
        "peak": memory.peak_bytes(torch.device(size.device)),
        "steps": len(times),
    }


def _write_pairs(folder: Path, data: str, count: int) -> dict[str, object]:
    """``count`` pairs as JSON lines, and what they are."""
    rows = _real_rows(data) if data != "synthetic" else []
    name = data if rows else "synthetic"
    rows = rows or _synthetic_rows(4 * count)
    random.Random(0).shuffle(rows)
    rows = rows[:count]
    if len(rows) < count:
        raise ValueError(f"{data} has {len(rows)} pairs and {count} are wanted: give fewer --steps")
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return {"name": name, "pairs": len(rows)}


def _real_rows(data: str) -> list[dict[str, Any]]:
    rows = []
    for path in sorted((REAL / data).glob("train*.jsonl*")):
        text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        rows += [json.loads(line) for line in text.decode().splitlines() if line.strip()]
    keep = ("prompt", "chosen", "rejected")
    return [{name: row[name] for name in keep} for row in rows if row["chosen"] != row["rejected"]]


def _synthetic_rows(count: int) -> list[dict[str, Any]]:
    rng = random.Random(0)
    words = [f"{a}{b}" for a in ("ba", "ko", "li", "mu", "ne") for b in ("ra", "ti", "so", "pe", "du", "")]

    def text(fewest: int, most: int) -> str:
        return " ".join(rng.choice(words) for _ in range(rng.randint(fewest, most)))

    return [
        {
            "prompt": [{"role": "user", "content": text(20, 200)}],
            "chosen": [{"role": "assistant", "content": text(10, 150)}],
            "rejected": [{"role": "assistant", "content": text(10, 150) + " du"}],
        }
        for _ in range(count)
    ]


def _write_model(folder: Path, size: Size) -> int:
    """A tokenizer trained on the pairs and a random model; returns its number of parameters."""
    import torch  # noqa: PLC0415
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: PLC0415
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast  # noqa: PLC0415

    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text("utf-8").splitlines()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|im_start|>", "<|im_end|>", "<|pad|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=size.vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (message["content"] for row in rows for side in ("prompt", "chosen", "rejected") for message in row[side])
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|pad|>")
    fast.chat_template = CHATML
    fast.save_pretrained(folder / "model")
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size.vocabulary,  # the model's, also where the pairs gave the tokenizer fewer merges
            hidden_size=size.hidden,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            intermediate_size=size.inner,
            max_position_embeddings=4096,
            tie_word_embeddings=size.device == "cpu",
            bos_token_id=None,
            eos_token_id=fast.eos_token_id,
            pad_token_id=fast.pad_token_id,
        )
    )
    model.save_pretrained(folder / "model")
    return sum(p.numel() for p in model.parameters())


def _summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    if len({(run["tokens"], run["steps"]) for side in SIDES for run in runs[side]}) != 1:
        raise RuntimeError(f"the two sides did not train on the same tokens: {runs}")
    speeds = {side: [run["tokens"] / run["seconds"] for run in runs[side]] for side in SIDES}
    return {
        "tokensPerSecond": {side: spread(speeds[side]) for side in SIDES},
        "peakMemoryBytes": {side: spread([run["peak"] for run in runs[side]]) for side in SIDES},
        "preparationSeconds": {side: spread([run["reference"] for run in runs[side]]) for side in SIDES},
        "ratio": spread([ours / theirs for ours, theirs in zip(speeds["ours"], speeds["TRL"], strict=True)]),
        "tokens": runs["ours"][0]["tokens"],
        "steps": int(runs["ours"][0]["steps"]) - WARM_UP,
    }


def _print(size: str, found: dict[str, Any], options: argparse.Namespace) -> None:
    shape = SIZES[size]
    print(
        f"Llama, {found['parameters'] / 1e6:.1f} M parameters, {shape.dtype} on {shape.device}, "
        f"{os.environ['OMP_NUM_THREADS']} thread(s); {found['data']['name']}, {found['steps']} steps of {BATCH} pairs, "
        f"{found['tokens']} tokens, max length {options.max_length}"
    )
    print(f"{'least / median / most':24}{'tokens a second':>26}{'peak memory, MiB':>26}")
    for side in SIDES:
        speed = " / ".join(f"{value:.0f}" for value in found["tokensPerSecond"][side])
        peak = " / ".join(f"{value / 2**20:.0f}" for value in found["peakMemoryBytes"][side])
        print(f"{side:24}{speed:>26}{peak:>26}")
    least, middle, most = found["ratio"]
    verdict = "met" if middle >= found["target"] else "MISSED"
    print(f"{middle:.2f}x TRL ({least:.2f} to {most:.2f}); target {found['target']:g}x {verdict}")


def _has_gpu() -> bool:
    import torch  # noqa: PLC0415

    return torch.cuda.is_available()


if __name__ == "__main__":
    main()
