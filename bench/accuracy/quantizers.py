"""The quantizers: each makes an 8-bit model of an fp32 one from the same samples."""
import contextlib
import logging
import pathlib
import subprocess
import sys
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime import quantization as ortq

from figures import note

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = ROOT / "build" / "gossamer"
Feeds = list[dict[str, np.ndarray]]


def open_model(path: pathlib.Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def write_samples(folder: pathlib.Path, feeds: Feeds) -> pathlib.Path:
    """The feeds as files that `gossamer compress --samples` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.npz"):
        old.unlink()
    for k, feed in enumerate(feeds):
        np.savez(folder / f"{k:04}.npz", **feed)
    return folder


def by_gossamer(model: pathlib.Path, out: pathlib.Path, recipe: str, samples: pathlib.Path, *words: str) -> float:
    """Seconds that it took, as for the others."""
    text = out.with_suffix(".yaml")
    text.write_text(recipe)
    begin = time.perf_counter()
    done = subprocess.run(
        [TOOL, "compress", model, "-o", out, "--recipe", text, "--samples", samples, *words],
        stdout=subprocess.DEVNULL,
    )
    if done.returncode:
        sys.exit("error: gossamer compress failed; its message is above")
    return time.perf_counter() - begin


class Reader(ortq.CalibrationDataReader):
    def __init__(self, feeds: Feeds):
        self.left = iter(feeds)

    def get_next(self):
        return next(self.left, None)


def by_onnxruntime(model: pathlib.Path, out: pathlib.Path, feeds: Feeds) -> float:
    begin = time.perf_counter()
    prepared = out.with_suffix(".prepared.onnx")
    try:
        ortq.shape_inference.quant_pre_process(str(model), str(prepared))
    except Exception:  # its symbolic shapes do not take every model
        ortq.shape_inference.quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
    ortq.quantize_static(
        str(prepared),
        str(out),
        Reader(feeds),
        quant_format=ortq.QuantFormat.QDQ,
        per_channel=True,
        activation_type=ortq.QuantType.QUInt8,
        weight_type=ortq.QuantType.QInt8,
    )
    return time.perf_counter() - begin


def by_nncf(model: pathlib.Path, out: pathlib.Path, feeds: Feeds, transformer: bool = False) -> float:
    import nncf

    begin = time.perf_counter()
    kind = nncf.ModelType.TRANSFORMER if transformer else None
    with contextlib.redirect_stdout(sys.stderr):  # it prints its progress
        done = nncf.quantize(onnx.load(model), nncf.Dataset(feeds), subset_size=len(feeds), model_type=kind)
    onnx.save(done, out)
    return time.perf_counter() - begin


def has_nncf() -> bool:
    try:
        with contextlib.redirect_stdout(sys.stderr):
            import nncf

        nncf.set_log_level(logging.ERROR)
    except ImportError:
        note("nncf is not installed: its rows are left out")
        return False
    return True


def modern(model: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """The model in an opset with scales by channel, which the other quantizers do not lift it to themselves."""
    opsets = {o.domain: o.version for o in onnx.load(model, load_external_data=False).opset_import}
    if opsets.get("", 0) >= 13:
        return model
    out = folder / f"{model.stem}_opset17.onnx"
    subprocess.run([TOOL, "convert", model, "-o", out, "--opset", "17"], check=True, stdout=subprocess.DEVNULL)
    return out


def made_by_all(
    model: pathlib.Path, folder: pathlib.Path, recipes: dict[str, str], feeds: Feeds, transformer: bool = False
) -> dict[str, tuple[pathlib.Path, float]]:
    """By name of the quantizer: the model that it made, and its seconds. A quantizer that fails is left out, and
    standard error tells why."""
    samples = write_samples(folder / f"{model.stem}_samples", feeds)
    made = {}
    for k, (name, recipe) in enumerate(recipes.items()):
        out = folder / f"{model.stem}_gossamer{k}.onnx"
        made[name] = (out, by_gossamer(model, out, recipe, samples))
    lifted = modern(model, folder)
    others = {"onnxruntime": by_onnxruntime}
    if has_nncf():
        others["nncf"] = lambda m, o, f: by_nncf(m, o, f, transformer)
    for name, quantize in others.items():
        out = folder / f"{model.stem}_{name}.onnx"
        try:
            made[name] = (out, quantize(lifted, out, feeds))
            open_model(out)
        except Exception as error:  # theirs to explain
            made.pop(name, None)
            note(f"{name} on {model.stem}: {repr(error)[:300]}")
    return made


def size(path: pathlib.Path, model: pathlib.Path) -> str:
    return f"{path.stat().st_size / model.stat().st_size:.3f}"
