# gossamer compress by files: overrides, and repairing the layer that spoils the answers.
import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.tool.test_verbs import tool


@pytest.fixture
def model(tmp_path):
    """x [1,16]: three MatMul with ReLU between; the one in the middle has rows of weights that eight bits with one
    scale for all of them cannot tell from zero, and the last one makes up for it."""
    rng = np.random.default_rng(3)
    weights = [rng.normal(0, 0.4, (16, 16)).astype(np.float32) for _ in range(3)]
    scale = np.where(np.arange(16) % 2 == 0, 300.0, 1.0).astype(np.float32)
    weights[1] *= scale
    weights[2] /= scale[:, None]
    nodes, value = [], "x"
    for i in range(3):
        out = f"m{i}" if i < 2 else "y"
        nodes.append(helper.make_node("MatMul", [value, f"w{i}"], [out], name=f"layer[{i}]"))
        if i < 2:
            nodes.append(helper.make_node("Relu", [out], [f"r{i}"]))
            value = f"r{i}"
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 16]) for n in "xy"]
    graph = helper.make_graph(
        nodes, "g", ports[:1], ports[1:], [numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)]
    )
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    samples = tmp_path / "samples"
    samples.mkdir()
    for i in range(24):
        np.save(samples / f"{i:02}.npy", rng.normal(size=(1, 16)).astype(np.float32))
    return path, samples, tmp_path


def compress(model, recipe, *words, code=0):
    path, samples, folder = model
    (folder / "recipe.yaml").write_text(recipe)
    words = ("compress", path, "-o", folder / "small.onnx", "--recipe", folder / "recipe.yaml", *words)
    return tool(*words, "--samples", samples, code=code)


def integers(model):
    made = onnx.load(model[2] / "small.onnx")
    return {t.name for t in made.graph.initializer if t.data_type == TensorProto.INT8 and len(t.dims) == 2}


def test_overrides_hold_for_the_layers_that_they_name(model):
    recipe = "steps: [quantize: {overrides: [{layers: ['layer[[]1]'], keep: true}]}]"
    compress(model, recipe)
    assert integers(model) == {"w0_quantized", "w2_quantized"}


def test_an_override_must_name_layers(model):
    done = compress(model, "steps: [quantize: {overrides: [{keep: true}]}]", code=2)
    assert "names its 'layers'" in done.stderr


def test_repairs_until_the_drop_is_met(model):
    recipe = "samples: {count: 16}\nsteps: [equalize: {strength: 0}, quantize: {weights: {granularity: tensor}}]\n"
    plain = json.loads(compress(model, recipe, "--metric", "mse", "--json").stdout)
    before = plain["metrics"][0]["b"]["value"]
    goal = before / 4
    report = json.loads(compress(model, recipe, "--metric", "mse", "--repair", goal, "--json").stdout)
    repair = report["repair"]
    assert repair["met"] and repair["drop"] <= goal < repair["drop_before"]
    assert repair["drop_before"] == pytest.approx(before, rel=1e-3)
    taken = [t for t in repair["tries"] if t["taken"]]
    assert taken and all(t["layer"].startswith("layer[") for t in taken)
    assert report["metrics"][0]["b"]["value"] == pytest.approx(repair["drop"], rel=1e-3)
    # The recipe that comes out makes the same file by itself.
    first = (model[2] / "small.onnx").read_bytes()
    compress(model, report["recipe"])
    assert (model[2] / "small.onnx").read_bytes() == first


def test_tries_equalizing_first(model):
    recipe = "samples: {count: 16}\nsteps: [quantize: {weights: {granularity: tensor}}]\n"
    report = json.loads(compress(model, recipe, "--metric", "mse", "--repair", 0, "--json").stdout)
    assert report["repair"]["tries"][0]["change"] == "equalize"
    assert not report["repair"]["met"]
    assert any("more than what was asked for" in n for n in report["notes"])


@pytest.mark.parametrize(
    "words,recipe,message",
    [
        (["--repair", "0.1"], "steps: [quantize]", "needs a --metric"),
        (["--repair", "0.1", "--metric", "psnr"], "steps: [quantize]", "means nothing"),
        (["--repair", "0.1", "--metric", "mse"], "steps: [cast]", "no step quantize"),
        (["--repair", "0.1", "--metric", "mse"], "steps: [quantize, quantize]", "several steps quantize"),
    ],
)
def test_what_cannot_be_repaired_is_said(model, words, recipe, message):
    done = compress(model, recipe, *words, code=2)
    assert message in done.stderr
    assert not (model[2] / "small.onnx").exists()
