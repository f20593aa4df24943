"""Statistics of the evidence: means with errors, rank correlation, paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import fmean, stdev


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean over seeds and its standard error. One value has no error: NaN."""
    return fmean(values), stdev(values) / sqrt(len(values)) if len(values) > 1 else float("nan")


def paired_difference(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """Mean of one minus other and its standard error; both have the same seeds in the same order."""
    return mean_and_error([a - b for a, b in zip(one, other, strict=True)])


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Rank correlation; equal values share their mean rank. NaN if all values of one side are equal."""
    return _pearson(_ranks(one), _ranks(other))


def seeds_for(wanted: float, correlation: float, seeds: int) -> int | None:
    """Seeds a side at which a rank correlation would reach ``wanted``, by Spearman and Brown (1910).

    ``correlation`` was measured between the means of ``seeds`` seeds a side. None where it is not positive.
    """
    if correlation <= 0:
        return None
    single = correlation / (seeds - (seeds - 1) * correlation)
    return ceil(wanted * (1 - single) / (single * (1 - wanted)))


def _ranks(values: Sequence[float]) -> list[float]:
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


def _pearson(one: Sequence[float], other: Sequence[float]) -> float:
    mean_one, mean_other = fmean(one), fmean(other)
    covariance = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sqrt(sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other))
    return covariance / spread if spread > 0 else float("nan")
