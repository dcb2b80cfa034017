"""Published tables that more than one chapter shows."""

from __future__ import annotations

import numpy as np

GPT3_BILLIONS = np.array([0.125, 0.35, 0.76, 1.3, 2.7, 6.7, 13, 175])
"""Parameters of the eight models of Brown et al. (2020), in billions."""

GPT3_SUMS: dict[str, np.ndarray] = {
    "2 digits, 50 shown": np.array([2, 4.1, 3.5, 4.5, 8.9, 11.9, 55.5, 100]),
    "2 digits, 1 shown": np.array([2, 0.55, 3.15, 4, 12.1, 19.6, 73, 99.6]),
    "2 digits, none shown": np.array([0.7, 0.65, 0.7, 0.85, 1.1, 2.54, 15.4, 76.9]),
    "3 digits, 50 shown": np.array([0.15, 0.45, 0.3, 0.55, 0.75, 0.9, 8.4, 80.4]),
    "4 digits, 50 shown": np.array([0, 0.05, 0.05, 0, 0.15, 0.15, 0.4, 25.5]),
}
"""Per cent of sums that these models got right, of 2,000 (their Table H.1), one for each size."""

GPT3_QUESTIONS = 2000
"""Sums behind each number of `GPT3_SUMS`."""

GPT3_LAMBADA = np.array([18.6, 9.09, 6.53, 5.44, 4.6, 4, 3.56, 3])
"""Perplexity of the same models on the last word of passages (LAMBADA, zero-shot)."""
