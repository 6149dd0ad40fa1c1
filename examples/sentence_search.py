"""Sentence search on a laptop: finds the sentence that means what is asked, with weights of 8 bits.

    python examples/sentence_search.py all_minilm_l6.onnx tokenizer.json "Who eats fish?"

The tokenizer is that of the package tokenizers.
"""

import sys

import numpy as np
import tokenizers

import gossamer

SENTENCES = [
    "The cat devours a herring on the stairs.",
    "Interest rates rose for the third time this year.",
    "Trains to the coast are late because of snow.",
    "She tuned the violin before the concert began.",
    "Compilers turn programs into instructions.",
]

tokenizer = tokenizers.Tokenizer.from_file(sys.argv[2])
large = gossamer.load(sys.argv[1])
small = large.compress({"steps": [{"quantize": {"activations": "none", "correct_bias": False}}]})
sizes = [small.compression[when]["constant_bytes"] / 1e6 for when in ("before", "after")]
print(f"{sizes[0]:.0f} MB -> {sizes[1]:.0f} MB")


def embed(text: str) -> np.ndarray:
    """The text's direction: the mean over its tokens, of length 1."""
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": 0 * ids}
    answer = small.run({port.name: feeds[port.name] for port in small.inputs})[0]
    mean = answer.mean(axis=1)[0] if answer.ndim == 3 else answer[0]
    return mean / np.linalg.norm(mean)


asked = embed(sys.argv[3])
print(max(SENTENCES, key=lambda sentence: embed(sentence) @ asked))
