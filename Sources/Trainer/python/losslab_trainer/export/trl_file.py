"""One Python file: a subclass of TRL's DPOTrainer that trains with the loss, and a command line of TRL's options."""

from __future__ import annotations

import ast
import re
import sys
import textwrap

from losslab_trainer.contract import LossRejected
from losslab_trainer.export.parts import LossParts

TRL = "1.16"  # whose inner methods the file uses
OWN_NAMES = frozenset({"RECOMMENDED_BETA", "main", "trl"})


def to_trl(parts: LossParts) -> str:
    """Raises LossRejected where a name of the loss file is one that the file needs itself."""
    trainer = class_name(parts.name)
    taken = _top_names(parts) & (OWN_NAMES | IMPORTED | {trainer})
    if taken:
        raise LossRejected("forbidden", f"the loss file's name {min(taken)} is also one of TRL's; rename it")
    title = str(parts.header.get("title", parts.name))
    about = textwrap.dedent(parts.docstring or "").strip()
    reference = f"\nReference: {parts.header['reference']}." if parts.header.get("reference") else ""
    head = HEAD.format(title=title, name=parts.name, trl=TRL, trainer=trainer, reference=reference)
    docstring = f"{head}\n{about}" if about else head
    text = docstring.replace("\\", "\\\\").replace('"""', "'''").strip()
    first, last = parts.function.lineno, parts.function.end_lineno or parts.function.lineno
    needed = {*parts.imports, *IMPORTS, "import torch"}
    standard = sorted(line for line in needed if line.split()[1] in sys.stdlib_module_names)
    others = sorted(needed - set(standard), key=lambda line: (line.startswith("from"), line))
    imports = [*standard, *([""] if standard else []), *others]
    constants = [text for text in parts.helpers if not re.search(r"^def ", text, re.MULTILINE)]
    functions = [*(text for text in parts.helpers if text not in constants), parts.text(first, last)]
    return "\n".join(
        [
            f'"""{text}\n"""',
            "",
            *imports,
            "",
            f"RECOMMENDED_BETA = {parts.beta:g}",
            *constants,
            "",
            "",
            "\n\n\n".join(functions),
            "",
            "",
            TRAINER.replace("@TRAINER@", trainer).replace("@NAME@", parts.name).replace("@TRL@", TRL),
        ]
    )


def class_name(name: str) -> str:
    """`dbaql_discovered` -> `DbaqlDiscoveredTrainer`."""
    words = "".join(word[:1].upper() + word[1:] for word in re.split(r"[-_]", name) if word)
    return f"{'Loss' if words[:1].isdigit() else ''}{words}Trainer"


def _top_names(parts: LossParts) -> set[str]:
    names = set()
    for node in ast.parse("\n".join(parts.lines)).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        for target in ast.walk(node) if isinstance(node, ast.Assign | ast.AnnAssign) else ():
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store):
                names.add(target.id)
    return names


HEAD = """{title}: TRL's DPO trainer with the loss `{name}`, written by `losslab loss export` for TRL {trl}.
{reference}
Use {trainer} in the place of DPOTrainer, or run this file with TRL's own options:

    python FILE --model_name_or_path MODEL --dataset_name DATASET --output_dir FOLDER

A loss whose values depend on the whole batch sees the pairs of one device's micro-batch: set
per_device_train_batch_size to the batch that is meant, and gradient_accumulation_steps to 1.
"""

IMPORTED = frozenset({"DPOConfig", "DPOTrainer", "ModelConfig", "ScriptArguments", "TrlParser", "load_dataset"})
IMPORTS = (
    "import trl",
    "from datasets import load_dataset",
    "from trl import DPOConfig, DPOTrainer, ModelConfig, ScriptArguments, TrlParser",
)

TRAINER = '''class @TRAINER@(DPOTrainer):
    """DPOTrainer whose loss is `loss` above, of log-probabilities summed over the completions' tokens.

    Options of DPOConfig that would change the loss are refused; everything else is TRL's: adapters, precomputed
    reference, truncation, several devices, metrics by the same names.
    """

    _tag_names = ["trl", "dpo", "@NAME@"]
    # What the loss takes the place of, and its default.
    _REPLACED = {
        "loss_type": ["sigmoid"],
        "label_smoothing": 0.0,
        "f_divergence_type": "reverse_kl",
        "use_weighting": False,
        "ld_alpha": None,
    }

    def __init__(self, *arguments, **keywords):
        if not trl.__version__.startswith("@TRL@."):
            raise ImportError(f"this file is written for TRL @TRL@, not {trl.__version__}: export the loss again")
        super().__init__(*arguments, **keywords)
        for option, default in self._REPLACED.items():
            if getattr(self.args, option, default) != default:
                raise ValueError(f"{option} does not apply to the loss @NAME@; leave it at {default!r}")

    def _compute_loss(self, model, inputs, return_outputs):
        not_for_model = {"completion_mask", "ref_chosen_logps", "ref_rejected_logps"}
        arguments = {key: value for key, value in inputs.items() if key not in not_for_model}
        if self.aux_loss_enabled:
            arguments["output_router_logits"] = True
        mask = inputs["completion_mask"]
        labels = inputs["input_ids"].masked_fill(mask == 0, -100)
        outputs = model(**arguments, labels=labels, use_cache=False, fused_lm_head=True)
        scored = mask[:, 1:]  # (2B, T): where a completion's token is predicted
        width = scored.size(1)
        policy_chosen, policy_rejected = outputs.log_probs[:, -width:].sum(dim=1).chunk(2)  # (B,) nats each
        if self.precompute_ref_logps:
            reference_chosen, reference_rejected = inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]
        else:
            reference = model if self.ref_model is None else self.ref_model
            reference_chosen, reference_rejected = self.compute_ref_log_probs(reference, inputs)

        value = loss(policy_chosen, policy_rejected, reference_chosen, reference_rejected, self.beta).mean()
        if self.aux_loss_enabled:
            value = value + self.router_aux_loss_coef * outputs.aux_loss

        with torch.no_grad():
            chosen_reward = self.beta * (policy_chosen - reference_chosen)
            rejected_reward = self.beta * (policy_rejected - reference_rejected)
            chosen_places = scored.chunk(2)[0].bool()
            chosen_hits = outputs.is_top1[:, -width:].chunk(2)[0] & chosen_places
            self._record("rewards/chosen", chosen_reward)
            self._record("rewards/rejected", rejected_reward)
            self._record("rewards/accuracies", (chosen_reward > rejected_reward).float())
            self._record("rewards/margins", chosen_reward - rejected_reward)
            self._record("logps/chosen", policy_chosen)
            self._record("logps/rejected", policy_rejected)
            self._record("entropy", (outputs.entropy[:, -width:] * scored).sum() / scored.sum())
            self._record("mean_token_accuracy", chosen_hits.sum() / chosen_places.sum())
            mode = "train" if self.model.training else "eval"
            if mode == "train":
                self._total_train_tokens += self.accelerator.gather(inputs["attention_mask"].sum()).sum().item()
            self._metrics[mode]["num_tokens"] = [self._total_train_tokens]
        return (value, outputs) if return_outputs else value

    def _record(self, name, values):
        mode = "train" if self.model.training else "eval"
        self._metrics[mode][name].append(self.accelerator.gather(values.detach()).float().mean().item())


def main():
    parser = TrlParser((ScriptArguments, DPOConfig, ModelConfig))
    parser.set_defaults(beta=RECOMMENDED_BETA)
    script, config, model = parser.parse_args_and_config()
    data = load_dataset(script.dataset_name, name=script.dataset_config)
    trainer = @TRAINER@(
        model.model_name_or_path,
        args=config,
        train_dataset=data[script.dataset_train_split],
        eval_dataset=data[script.dataset_test_split] if config.eval_strategy != "no" else None,
    )
    trainer.train()
    trainer.save_model(config.output_dir)


if __name__ == "__main__":
    main()
'''
