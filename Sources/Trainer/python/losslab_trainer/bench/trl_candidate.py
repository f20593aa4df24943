"""One candidate the usual way: a script that imports TRL, loads policy and pairs, trains, and ends.

Run by against_trl.py in a fresh process. Flags: those that help on one CPU thread (fp32, no gradient checkpointing, no
evaluation, no saving, no logging, no progress bar); the fused AdamW and everything else are TRL's defaults. Prints one
JSON line with the seconds that each part took.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path


def main() -> None:
    started = time.perf_counter()
    parser = argparse.ArgumentParser()
    parser.add_argument("--policy", required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--loss", default="sigmoid")
    parser.add_argument("--beta", type=float, default=0.05)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--precompute", action="store_true")
    options = parser.parse_args()

    import torch  # noqa: PLC0415  # imports are what this script measures

    torch.set_num_threads(1)
    from datasets import Dataset, disable_progress_bars  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
    from trl import DPOConfig, DPOTrainer  # noqa: PLC0415

    imported = time.perf_counter()
    disable_progress_bars()
    rows = [json.loads(line) for line in options.pairs.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        trainer = DPOTrainer(
            AutoModelForCausalLM.from_pretrained(options.policy),
            args=DPOConfig(
                folder,
                loss_type=[options.loss],
                beta=options.beta,
                precompute_ref_log_probs=options.precompute,
                learning_rate=options.learning_rate,
                per_device_train_batch_size=16,
                num_train_epochs=1,
                warmup_steps=10,
                lr_scheduler_type="linear",
                weight_decay=0.0,
                max_grad_norm=1.0,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                save_strategy="no",
                logging_strategy="no",
                report_to=[],
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=AutoTokenizer.from_pretrained(options.policy),
        )
        ready = time.perf_counter()
        trainer.train()
        trained = time.perf_counter()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    result = {
        "imports": imported - started,
        "preparation": ready - imported,
        "training": trained - ready,
        "steps": trainer.state.global_step,
        "cpu": usage.ru_utime + usage.ru_stime,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
