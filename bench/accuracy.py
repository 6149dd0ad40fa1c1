#!/usr/bin/env python3
"""What 8-bit models lose: quantizes real models by `gossamer compress` and by onnxruntime's quantizer on the same
samples, judges both against the fp32 model on others, and prints a table for docs/accuracy.md.

    bench/accuracy.py .cache/accuracy --rows efficientnet,minilm
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tarfile
import time
import io
import lzma
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import in_venv

in_venv.ensure()

import numpy as np
import onnxruntime as ort
from onnxruntime import quantization as ortq
from PIL import Image

import registry

TOOL = ROOT / "build" / "gossamer"
MODELS = ROOT / ".cache" / "models"
STAMPS = {
    "registry": "debian",
    "package": "tuxpaint-stamps-default",
    "version": "2022.06.04-1",
    "sha256": "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
}
DESCRIPTIONS = "http://deb.debian.org/debian/dists/bookworm/main/i18n/Translation-en.xz"


# --- statistics ---


def wilson(good: int, n: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927)."""
    z, p = 1.96, good / n
    middle, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def share(hits: np.ndarray) -> str:
    low, high = wilson(int(hits.sum()), len(hits))
    return f"{hits.mean():.4f} ({low:.3f} to {high:.3f})"


def mean(values: np.ndarray) -> str:
    """Mean with a 95 % interval by bootstrap (Efron, 1979)."""
    dice = np.random.default_rng(0)
    means = np.sort([values[dice.integers(0, len(values), len(values))].mean() for _ in range(2000)])
    return f"{values.mean():.5f} ({means[50]:.5f} to {means[1949]:.5f})"


def log_softmax(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64) - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


# --- making and running models ---


def open_model(path: pathlib.Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compress(model: pathlib.Path, out: pathlib.Path, recipe: str, samples: pathlib.Path) -> float:
    """Seconds that `gossamer compress` took."""
    text = out.with_suffix(".yaml")
    text.write_text(recipe)
    begin = time.perf_counter()
    done = subprocess.run([TOOL, "compress", model, "-o", out, "--recipe", text, "--samples", samples],
                          stdout=subprocess.DEVNULL)
    if done.returncode:
        sys.exit("error: gossamer compress failed; its message is above")
    return time.perf_counter() - begin


class Feeds(ortq.CalibrationDataReader):
    def __init__(self, feeds: list[dict]):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


def quantize_by_ort(model: pathlib.Path, out: pathlib.Path, feeds: list[dict]) -> float:
    begin = time.perf_counter()
    prepared = out.with_suffix(".prepared.onnx")
    ortq.shape_inference.quant_pre_process(str(model), str(prepared))
    ortq.quantize_static(str(prepared), str(out), Feeds(feeds), quant_format=ortq.QuantFormat.QDQ,
                         per_channel=True, activation_type=ortq.QuantType.QUInt8,
                         weight_type=ortq.QuantType.QInt8)
    return time.perf_counter() - begin


# --- pictures: EfficientNet-Lite0 ---


def stamps(folder: pathlib.Path) -> list[pathlib.Path]:
    """The photos among Tux Paint's stamps."""
    where = folder / "stamps"
    if not where.is_dir():
        with registry.open_debian(registry.fetch(STAMPS)) as archive:
            archive.extractall(where, filter="data")
    found = sorted(where.rglob("*.png"))
    return [f for f in found if "cartoon" not in str(f) and "symbols" not in str(f)]


def photo(path: pathlib.Path) -> np.ndarray:
    """(1, 3, 224, 224) in about [-1, 1], on white."""
    image = Image.open(path).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    scale = 256 / min(image.size)
    image = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BILINEAR)
    left, top = (image.width - 224) // 2, (image.height - 224) // 2
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
    return ((pixels - 127) / 128).transpose(2, 0, 1)[None]


EFFICIENTNET = """
samples:
  inputs:
    image: {image: {resize: 256, crop: 224, background: [255, 255, 255], mean: [0.498, 0.498, 0.498], std: [0.502, 0.502, 0.502]}}
steps:
  - quantize: {weights: {rounding: %s}}
"""


def efficientnet(folder: pathlib.Path, splits: int) -> None:
    model = MODELS / "efficientnet_lite0.onnx"
    files = stamps(folder)
    pictures = np.concatenate([photo(f) for f in files])
    exact = np.concatenate([open_model(model).run(None, {"image": p[None]})[0] for p in pictures])
    seen = {"gossamer": [], "gossamer, nearest rounding": [], "onnxruntime": []}
    for seed in range(splits):
        order = random.Random(seed).sample(range(len(files)), len(files))
        used, judged = order[:128], order[128:]
        listed = folder / f"calibrate{seed}.txt"
        listed.write_text("".join(f"{files[i].resolve()}\n" for i in used))
        for name in seen:
            out = folder / f"efficientnet_{name.replace(', ', '_').replace(' ', '_')}{seed}.onnx"
            if name == "onnxruntime":
                took = quantize_by_ort(model, out, [{"image": pictures[i][None]} for i in used])
            else:
                rounding = "nearest" if "nearest" in name else "reconstruct"
                took = compress(model, out, EFFICIENTNET % rounding, listed)
            session = open_model(out)
            got = np.concatenate([session.run(None, {"image": pictures[i][None]})[0] for i in judged])
            a, b = log_softmax(exact[judged]), log_softmax(got)
            hits = exact[judged].argmax(-1) == got.argmax(-1)
            far = (np.exp(a) * (a - b)).sum(-1)
            size = out.stat().st_size / model.stat().st_size
            seen[name].append((hits, far, size, took))
            note(f"efficientnet {name} split {seed}: agree {hits.mean():.4f} KL {far.mean():.5f}")
    print(f"\n### EfficientNet-Lite0, photos: {splits} splits, 128 calibrate, {len(files) - 128} judge\n")
    print("| quantizer | agreement of the top class | KL to fp32 | file | seconds |\n|---|---|---|---|---|")
    for name, runs in seen.items():
        hits, far = (np.concatenate([r[k] for r in runs]) for k in (0, 1))
        print(f"| {name} | {share(hits)} | {mean(far)} | {runs[0][2]:.3f} | {np.median([r[3] for r in runs]):.0f} |")


# --- sentences: all-MiniLM-L6 ---


def descriptions(folder: pathlib.Path) -> list[tuple[str, str]]:
    """(synopsis, description) of Debian's packages, in a seeded order."""
    path = folder / "Translation-en.xz"
    if not path.exists():
        with urllib.request.urlopen(DESCRIPTIONS, timeout=60) as answer:
            registry.write_beside(path, answer.read())
    found = {}
    for stanza in lzma.decompress(path.read_bytes()).decode().split("\n\n"):
        lines = stanza.split("\n")
        synopsis = [s.removeprefix("Description-en: ") for s in lines if s.startswith("Description-en: ")]
        text = " ".join(s.strip(" .") for s in lines if s.startswith(" ")).strip()
        if synopsis and len(text) > 80:
            found.setdefault(synopsis[0], text)
    pairs = sorted(found.items())
    random.Random(7).shuffle(pairs)
    return pairs


def embed(session: ort.InferenceSession, sentences: list) -> np.ndarray:
    order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
    out = np.zeros((len(sentences), 384), np.float32)
    for begin in range(0, len(order), 16):
        part = order[begin : begin + 16]
        length = max(len(sentences[i]) for i in part)
        ids = np.zeros((len(part), length), np.int64)
        mask = np.zeros_like(ids)
        for row, i in enumerate(part):
            ids[row, : len(sentences[i])] = sentences[i]
            mask[row, : len(sentences[i])] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        out[part] = session.run(["sentence_embedding"], feeds)[0]
    return out / np.linalg.norm(out, axis=1, keepdims=True)


MINILM = {
    "gossamer, 8 bits": "steps: [quantize]",
    "gossamer, 4-bit weights in blocks of 32": "steps: [quantize: {weights: {bits: 4, granularity: block, block: 32, "
    "rounding: reconstruct}, activations: none}]",
}


def minilm(folder: pathlib.Path, count: int) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(MODELS / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    model = MODELS / "all_minilm_l6.onnx"
    pairs = descriptions(folder)[: count + 128]
    tokens = [[e.ids for e in tokenizer.encode_batch(list(column))] for column in zip(*pairs)]
    samples = folder / "sentences"
    samples.mkdir(exist_ok=True)
    feeds = []
    for k in range(count, count + 128):
        ids = np.array([tokens[k % 2][k]], np.int64)
        feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})
        np.savez(samples / f"{k}.npz", **feeds[-1])
    made = {"fp32": (model, 0.0)}
    for name, recipe in MINILM.items():
        out = folder / f"minilm{len(made)}.onnx"
        made[name] = (out, compress(model, out, recipe, samples))
    out = folder / "minilm_ort.onnx"
    made["onnxruntime, 8 bits"] = (out, quantize_by_ort(model, out, feeds))
    print(f"\n### all-MiniLM-L6: the description of a synopsis among {count}\n")
    print("| quantizer | recall@10 | change | file | seconds |\n|---|---|---|---|---|")
    exact = None
    for name, (path, took) in made.items():
        session = open_model(path)
        near = embed(session, tokens[0][:count]) @ embed(session, tokens[1][:count]).T
        hits = (near > np.diag(near)[:, None]).sum(1) < 10
        exact = hits if exact is None else exact
        change = hits.astype(float) - exact
        size = path.stat().st_size / model.stat().st_size
        print(f"| {name} | {share(hits)} | {mean(change)} | {size:.3f} | {took:.0f} |", flush=True)


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="where downloads and models go")
    parser.add_argument("--rows", default="efficientnet,minilm")
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--sentences", type=int, default=2000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = options.rows.split(",")
    if "efficientnet" in rows:
        efficientnet(options.folder, options.splits)
    if "minilm" in rows:
        minilm(options.folder, options.sentences)


if __name__ == "__main__":
    main()
