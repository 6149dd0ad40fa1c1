"""Smaller and faster OCR in ten lines: a reader of lines of text is made smaller on lines drawn here, and reads one.

    python examples/ocr.py ch_PP-OCRv4_rec_infer.onnx "Hello, world 2026"
"""

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import gossamer


def draw(text: str) -> np.ndarray:
    """A line as the reader wants it: [1, 3, 48, width], -1 to 1."""
    font = ImageFont.load_default(30)
    image = Image.new("RGB", (int(font.getlength(text)) + 24, 48), "white")
    ImageDraw.Draw(image).text((12, 4), text, fill="black", font=font)
    return (np.asarray(image, np.float32).transpose(2, 0, 1)[None] - 127.5) / 127.5


def read(model: gossamer.Model, line: np.ndarray) -> str:
    """The most likely character at each place; repeats and blanks (0) fall away."""
    best = model(line)[0].argmax(axis=-1)
    return "".join(letters[k] for k, before in zip(best, [0, *best[:-1]]) if k and k != before)


large = gossamer.load(sys.argv[1])
letters = ["", *large.info()["metadata"]["character"].splitlines(), " "]
lines = [draw(text) for text in "The quick brown fox|jumps over|13 lazy dogs, 2026|Hello you".split("|")]
quantize = {"weights": {"range": "max"}, "activations": {"observer": "min_max"}}
small = large.compress({"steps": [{"quantize": quantize}]}, samples=lines)
small.save("small.onnx")

line = draw(sys.argv[2])
for name, model in (("as it was", large), ("smaller", small)):
    bytes_ = (small.compression["before" if model is large else "after"])["constant_bytes"]
    took = model.bench(line, seconds=0.5)["median_ms"]
    print(f"{name}: {bytes_ / 1e6:.1f} MB, {took:.1f} ms, reads {read(model, line)!r}")
