"""Figures with their 95 % intervals, and how they are printed."""
import sys

import numpy as np


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def share(hits: np.ndarray) -> str:
    """The share of true elements with its interval (Wilson, 1927)."""
    n, p, z = len(hits), float(np.mean(hits)), 1.96
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return f"{p:.4f} ({low:.4f} to {high:.4f})"


def mean(values: np.ndarray, weights: np.ndarray | None = None) -> str:
    """The (weighted) mean with its interval by bootstrap (Efron, 1979)."""
    values = np.asarray(values, np.float64)
    weights = np.ones_like(values) if weights is None else np.asarray(weights, np.float64)
    dice = np.random.default_rng(0)
    means = []
    for _ in range(2000):
        k = dice.integers(0, len(values), len(values))
        means.append((values[k] * weights[k]).sum() / weights[k].sum())
    low, high = np.percentile(means, [2.5, 97.5])
    return f"{(values * weights).sum() / weights.sum():.5f} ({low:.5f} to {high:.5f})"


def table(title: str, head: list[str], rows: list[list[str]]) -> None:
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    sys.stdout.flush()


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64) - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def kl(exact: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kullback-Leibler divergence from the softmax of rows of logits, in nats."""
    a, b = log_softmax(exact), log_softmax(other)
    return (np.exp(a) * (a - b)).sum(-1)
