"""Sentences: all-MiniLM-L6, the description that belongs to a synopsis."""
import functools
import lzma
import pathlib
import random
import subprocess
import urllib.request

import numpy as np
import onnxruntime as ort

import registry
from figures import mean, note, share, table
from quantizers import made_by_all, open_model, size


def translations() -> str:
    """Where the archive that this machine's apt uses keeps the English descriptions."""
    line = "$(REPO_URI)dists/$(CODENAME)/$(COMPONENT)/i18n/Translation-en.xz"
    told = subprocess.run(
        ["apt-get", "indextargets", "--format", line, "Created-By: Packages", "Component: main"],
        check=True, stdout=subprocess.PIPE, text=True,
    ).stdout.split()
    if not told:
        raise registry.FetchError("apt knows no archive: run `apt-get update`")
    return min(told, key=len)  # not the one of updates or of security fixes


@functools.cache
def descriptions(folder: pathlib.Path) -> list[tuple[str, str]]:
    """(synopsis, description) of Debian's packages, in a seeded order."""
    path = folder / "Translation-en.xz"
    if not path.exists():
        with urllib.request.urlopen(translations(), timeout=60) as answer:
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


RECIPES = {
    "gossamer, 8 bits": "steps: [quantize]",
    "gossamer, 4-bit weights in blocks of 32": "steps: [quantize: {weights: {bits: 4, granularity: block, block: 32, "
    "rounding: reconstruct}, activations: none}]",
}


def retrieval(folder: pathlib.Path, models: pathlib.Path, count: int = 2000) -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(models / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    model = models / "all_minilm_l6.onnx"
    pairs = descriptions(folder)[: count + 128]
    tokens = [[e.ids for e in tokenizer.encode_batch(list(column))] for column in zip(*pairs)]
    feeds = []
    for k in range(count, count + 128):
        ids = np.array([tokens[k % 2][k]], np.int64)
        feeds.append({"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})
    made = {"fp32": (model, 0.0), **made_by_all(model, folder, RECIPES, feeds, transformer=True)}
    rows, exact = [], None
    for name, (path, took) in made.items():
        session = open_model(path)
        near = embed(session, tokens[0][:count]) @ embed(session, tokens[1][:count]).T
        hits = (near > np.diag(near)[:, None]).sum(1) < 10
        exact = hits if exact is None else exact
        rows.append([name, share(hits), mean(hits.astype(float) - exact), size(path, model), f"{took:.0f}"])
        note(" ".join(rows[-1]))
    title = f"all-MiniLM-L6: the description of a synopsis among {count}; 128 other texts calibrate"
    table(title, ["quantizer", "recall@10", "change", "file", "seconds"], rows)
