"""Recipes from Python: samples from anything, a metric, what is told of it all."""

import json
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from onnx import helper

import gossamer

from . import models

RECIPE = {"steps": [{"quantize": {"activations": {"observer": "min_max"}}}]}


def layers(width=32, depth=3) -> bytes:
    made = np.random.default_rng(0)
    nodes, weights = [], {}
    for i in range(depth):
        weights[f"w{i}"] = made.standard_normal((width, width)).astype(np.float32)
        nodes.append(helper.make_node("MatMul", [f"h{i}", f"w{i}"], [f"p{i}"], name=f"m{i}"))
        nodes.append(helper.make_node("Relu", [f"p{i}"], [f"h{i + 1}"]))
    ports = [models.info("h0", ["n", width]), models.info(f"h{depth}", ["n", width])]
    return models.build(nodes, ports[:1], ports[1:], weights).SerializeToString()


def rows(count=16):
    made = np.random.default_rng(1)
    return [made.standard_normal((4, 32)).astype(np.float32) for _ in range(count)]


def test_samples_of_any_kind(tmp_path):
    model = gossamer.load(layers())
    np.save(tmp_path / "one.npy", rows()[0])
    ways = [
        (x for x in rows()),
        [[x] for x in rows()],
        [{"h0": x} for x in rows()],
        tmp_path,
        str(tmp_path / "one.npy"),
    ]
    for samples in ways:
        small = model.compress(RECIPE, samples)
        assert small.compression["samples"] == (1 if samples in ways[3:] else 16)
        (difference,) = small.compare(model, rows()[0])
        assert 0 < difference.relative < 0.05
    before, after = small.compression["before"], small.compression["after"]
    assert after["constant_bytes"] < 0.4 * before["constant_bytes"]
    assert before["macs"] == "3072*n"
    assert any("quantized 3 layers" in note for note in small.compression["notes"])


def test_recipe_of_any_kind(tmp_path):
    model = gossamer.load(layers())
    path = tmp_path / "r.yaml"
    path.write_text("steps:\n  - quantize: {activations: none, correct_bias: false}\n")
    for recipe in (path, str(path), path.read_text(), {"steps": [{"quantize": {"activations": "none", "correct_bias": False}}]}):
        assert model.compress(recipe).compression["after"]["constant_bytes"] < 4000
    written = model.compress(path, path=tmp_path / "small.onnx")
    assert "small.onnx" in repr(written) and (tmp_path / "small.onnx").stat().st_size < 6000
    assert model.compression is None


def test_metric():
    model = gossamer.load(layers())
    want = model(rows()[0])
    seen = []

    def error(m):
        seen.append(m)
        return float(np.abs(m(rows()[0]) - want).max())

    small = model.compress(RECIPE, rows(), metric=error)
    assert seen == [model, small]
    assert small.compression["before"]["metric"] == 0 < small.compression["after"]["metric"]


def test_mistakes(tmp_path):
    model = gossamer.load(layers())
    with pytest.raises(gossamer.UsageError, match="needs samples"):
        model.compress(RECIPE)
    with pytest.raises(gossamer.UsageError, match="no input 'q'"):
        model.compress(RECIPE, [{"q": rows()[0]}])
    with pytest.raises(gossamer.UsageError, match="2 arrays"):
        model.compress(RECIPE, [rows(2)])
    with pytest.raises(gossamer.UsageError, match="NaN"):
        model.compress(RECIPE, [rows()[0] * np.nan])
    with pytest.raises(gossamer.UsageError, match="nope"):
        model.compress({"steps": [{"nope": {}}]})
    with pytest.raises(gossamer.FileError, match="recipe"):
        model.compress(tmp_path / "none.yaml")
    with pytest.raises(gossamer.UsageError, match="not int"):
        model.compress(3)
    with pytest.raises(ZeroDivisionError):
        model.compress(RECIPE, (1 / 0 for _ in range(3)))


def test_interrupt(tmp_path):
    """Ctrl-C ends compressing, too."""
    code = f"""
import sys; sys.path[:0] = {[str(pathlib.Path(gossamer.__file__).parent.parent), "."]!r}
import signal, time, gossamer, numpy as np
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.python.test_compress import layers, RECIPE
model = gossamer.load(layers(512, 4))
samples = [np.zeros((256, 512), np.float32) for _ in range(20)]
recipe = {{"steps": [{{"quantize": {{"weights": {{"rounding": "reconstruct"}}}}}}]}}
print("go", flush=True)
try:
    model.compress(recipe, samples)
    print("done", flush=True)
except KeyboardInterrupt:
    print(time.time(), flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "go\n"
        time.sleep(0.2)
        begin = time.time()
        child.send_signal(signal.SIGINT)
        end = json.loads(child.stdout.readline())
        assert end - begin < 5  # at once, on a machine that may be busy
        child.wait(30)
