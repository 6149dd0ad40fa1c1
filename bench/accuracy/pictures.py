"""Photos: EfficientNet-Lite0, agreement of its top class."""
import pathlib
import random

import numpy as np
from PIL import Image

import registry
from figures import kl, mean, note, share, table
from quantizers import by_gossamer, by_nncf, by_onnxruntime, has_nncf, open_model, size

STAMPS = {
    "registry": "debian",
    "package": "tuxpaint-stamps-default",
    "version": "2022.06.04-1",
    "sha256": "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34",
}


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


RECIPE = """
samples:
  inputs:
    image: {image: {resize: 256, crop: 224, background: [255, 255, 255], mean: [0.498, 0.498, 0.498], std: [0.502, 0.502, 0.502]}}
steps:
  - quantize: {weights: {rounding: %s}}
"""


def classes(folder: pathlib.Path, models: pathlib.Path, splits: int = 5) -> None:
    model = models / "efficientnet_lite0.onnx"
    files = stamps(folder)
    pictures = [photo(f) for f in files]

    def logits(path: pathlib.Path, which) -> np.ndarray:
        session = open_model(path)
        return np.concatenate([session.run(None, {"image": pictures[i]})[0] for i in which])

    exact = logits(model, range(len(files)))
    seen = {"gossamer": [], "gossamer, nearest rounding": [], "onnxruntime": []} | ({"nncf": []} if has_nncf() else {})
    for seed in range(splits):
        order = random.Random(seed).sample(range(len(files)), len(files))
        used, judged = order[:128], order[128:]
        listed = folder / f"calibrate{seed}.txt"
        listed.write_text("".join(f"{files[i].resolve()}\n" for i in used))
        feeds = [{"image": pictures[i]} for i in used]
        for name in seen:
            out = folder / f"efficientnet_{name.replace(', ', '_').replace(' ', '_')}{seed}.onnx"
            if name == "onnxruntime":
                took = by_onnxruntime(model, out, feeds)
            elif name == "nncf":
                took = by_nncf(model, out, feeds)
            else:
                rounding = "nearest" if "nearest" in name else "reconstruct"
                took = by_gossamer(model, out, RECIPE % rounding, listed)
            got, want = logits(out, judged), exact[judged]
            hits, far = want.argmax(-1) == got.argmax(-1), kl(want, got)
            seen[name].append((hits, far, size(out, model), took))
            note(f"efficientnet {name} split {seed}: agree {hits.mean():.4f} KL {far.mean():.5f}")
    rows = []
    for name, runs in seen.items():
        hits, far = (np.concatenate([r[k] for r in runs]) for k in (0, 1))
        rows.append([name, share(hits), mean(far), runs[0][2], f"{np.median([r[3] for r in runs]):.0f}"])
    title = f"EfficientNet-Lite0, photos: {splits} splits, 128 calibrate, {len(files) - 128} judge"
    table(title, ["quantizer", "agreement of the top class", "KL to fp32", "file", "seconds"], rows)
