"""The worlds there are, and the numbers that define how a loss is evaluated in them."""

from __future__ import annotations

from dataclasses import dataclass

from builder.base_tasks import BASE
from builder.dialogue import WorldDesign
from builder.regimes import REGIMES, UNIFORM, Regime
from builder.sft_settings import SFTSettings
from builder.transfer_tasks import TRANSFER

MAX_NEW_TOKENS = 24  # the longest perfect answer has 9 words; a rambling one is cut off here
LOGP_SCALE = 10.0  # the four log-probabilities are multiplied by this before the loss; README.md says why
SAMPLING = {"temperature": 0.7, "samples": 4}
TRAINING = {
    "pairs": 1024,
    "batchSize": 16,
    "epochs": 1,
    "warmupSteps": 10,
    "maxGradientNorm": 1.0,
    "learningRate": 5e-4,
    "beta": 0.02,
}
GRID = {"learningRates": [2.5e-4, 5e-4, 1e-3], "betas": [0.005, 0.02, 0.08]}
STANDARD_SFT = SFTSettings()


@dataclass(frozen=True)
class World:
    """A world: a design with its policy and questions, and a regime for its pairs."""

    name: str
    title: str
    design: WorldDesign
    regime: Regime
    max_new_tokens: int = MAX_NEW_TOKENS
    logp_scale: float = LOGP_SCALE
    sft: SFTSettings = STANDARD_SFT

    @property
    def has_policy(self) -> bool:
        """Whether this world's folder holds the policy and the questions; a data regime's folder has only pairs."""
        return self.name == self.design.name


WORLDS: dict[str, World] = {
    "base": World("base", BASE.title, BASE, UNIFORM),
    **{name: World(name, f"Base world, {regime.title}", BASE, regime) for name, regime in REGIMES.items()},
    "transfer": World("transfer", TRANSFER.title, TRANSFER, UNIFORM),
}
