"""Preference data as people have it: read, checked row by row, and tokenised as TRL's DPOTrainer does."""

from losslab_trainer.data.load import Preferences, load_preferences
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.rows import Finding, Message, PreferenceRow
from losslab_trainer.data.spec import DataSpec

__all__ = ["DataProblem", "DataSpec", "Finding", "Message", "PreferenceRow", "Preferences", "load_preferences"]
