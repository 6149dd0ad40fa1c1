# gossamer compare on a model whose one layer was spoiled, by files.
import json
import os
import signal
import subprocess
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.models.compare import TOOL
from tests.tool.test_verbs import tool


def save(path, spoil=()):
    """x [1,8]: three Gemm with ReLU between; `spoil` names layers with rounded weights."""
    rng = np.random.default_rng(3)
    nodes, tensors, value = [], [], "x"
    for i in range(3):
        w = rng.normal(0, 0.4, (16 if i else 8, 16 if i < 2 else 4)).astype(np.float32)
        b = rng.normal(0, 0.1, w.shape[1]).astype(np.float32)
        if i in spoil:
            w = (np.round(w * 3) / 3).astype(np.float32)
        tensors += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        out = f"g{i}" if i < 2 else "y"
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], [out], name=f"layer{i}"))
        value = out
        if i < 2:
            nodes.append(helper.make_node("Relu", [value], [f"r{i}"], name=f"relu{i}"))
            value = f"r{i}"
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        tensors,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def two(tmp_path):
    samples = tmp_path / "samples"
    rng = np.random.default_rng(5)
    for label in range(4):
        (samples / str(label)).mkdir(parents=True)
        for i in range(5):
            np.save(samples / str(label) / f"{i}.npy", rng.normal(size=(1, 8)).astype(np.float32))
    return save(tmp_path / "a.onnx"), save(tmp_path / "b.onnx", spoil=[1]), samples


def test_the_spoiled_layer_is_named(two):
    a, b, samples = two
    report = json.loads(
        tool("compare", a, b, "--samples", samples, "--metric", "agreement", "--metric", "mse", "--json").stdout
    )
    assert report["samples"] == 20
    assert report["inside"]["worst"] == "layer1"
    assert report["inside"]["samples"] == 16
    own = {layer["name"]: layer["own"]["snr_db"] for layer in report["inside"]["layers"]}
    assert own["layer0"] is None and own["layer1"] is not None
    agreement, mse = report["metrics"]
    assert agreement["a"] is None and 0 <= agreement["b"]["low"] <= agreement["b"]["value"] <= agreement["b"]["high"] <= 1
    assert agreement["b"]["n"] == 20 and mse["b"]["value"] > 0 and not mse["higher_is_better"]
    assert report["outputs"][0]["class_kl"] > 0
    text = tool("compare", a, b, "--samples", samples).stdout
    assert "the answer goes wrong in layer layer1" in text


def test_labels_come_from_folders_and_files(two, tmp_path):
    a, b, samples = two
    (tmp_path / "folder.yaml").write_text("samples: {labels: folder}\n")
    lines = [f"{p.relative_to(tmp_path)}\t{p.parent.name}" for p in sorted(samples.rglob("*.npy"))]
    (tmp_path / "labels.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "file.yaml").write_text(f"samples: {{labels: {tmp_path}/labels.txt}}\n")
    figures = []
    for recipe in ["folder.yaml", "file.yaml"]:
        done = tool("compare", a, b, "--samples", samples, "--recipe", tmp_path / recipe, "--metric", "top1",
                    "--no-layers", "--json")
        figures.append(json.loads(done.stdout)["metrics"][0])
    assert figures[0] == figures[1] and figures[0]["a"]["n"] == 20 and figures[0]["change"] is not None
    (tmp_path / "labels.txt").write_text("\n".join(lines[1:]))
    done = tool("compare", a, b, "--samples", samples, "--recipe", tmp_path / "file.yaml", code=2)
    assert "no label for" in done.stderr


def test_packages_compare_by_outputs(two, tmp_path):
    a, b, samples = two
    tool("compile", b, "-o", tmp_path / "b.goss")
    for pair in [(a, tmp_path / "b.goss"), (tmp_path / "b.goss", a), (tmp_path / "b.goss", tmp_path / "b.goss")]:
        report = json.loads(tool("compare", *pair, "--samples", samples, "--metric", "cosine", "--json").stdout)
        assert report["inside"] is None and report["metrics"][0]["b"]["value"] > 0.9


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--metric", "top1"], "needs labels"),
        (["--metric", "ctc:{a}"], "does not spell"),
        (["--metric", "nonsense"], "metrics are"),
        (["--metric", "mse", "--judged-output", "z"], "no output 'z'"),
    ],
)
def test_what_cannot_work_is_refused(two, tmp_path, arguments, said):
    a, b, samples = two
    (tmp_path / "chars").write_text("a\nb\nc\nd\ne\n")
    done = tool("compare", a, b, "--samples", samples, *[x.replace("{a}", str(tmp_path / "chars")) for x in arguments], code=2)
    assert said in done.stderr


def test_ctrl_c_ends_it(two, tmp_path):
    a, b, samples = two
    listing = tmp_path / "many.txt"
    listing.write_text("\n".join(str(p) for p in sorted(samples.rglob("*.npy")) * 20000))
    run = subprocess.Popen([TOOL, "compare", a, b, "--samples", listing], stderr=subprocess.PIPE)
    time.sleep(3)
    os.kill(run.pid, signal.SIGINT)
    assert run.wait(30) == 130


def test_compress_reports_what_it_brought(two, tmp_path):
    a, _, samples = two
    recipe = tmp_path / "r.yaml"
    recipe.write_text("samples: {count: 8, shuffle: 1}\nsteps: [quantize]\n")
    out, report = tmp_path / "q.onnx", tmp_path / "report.json"
    done = tool("compress", a, "-o", out, "--recipe", recipe, "--samples", samples, "--metric", "agreement",
                "--report", report)
    assert "agreement: " in done.stdout and "latency: " in done.stdout
    told = json.loads(report.read_text())
    assert told["judged_apart"] and told["judged_samples"] == 12 and told["samples"] == 8
    assert told["metrics"][0]["b"]["n"] == 12
    for side in ["before", "after"]:
        assert told[side]["latency_ms"] > 0 and told[side]["file_bytes"] > 0 and told[side]["planned_bytes"] >= 0
    assert told["after"]["file_bytes"] == out.stat().st_size
    assert {layer["name"] for layer in told["layers"] if layer["has_weights"]} == {"layer0", "layer1", "layer2"}
    done = tool("compress", a, "-o", tmp_path / "no.onnx", "--recipe", recipe, "--samples", samples, "--metric",
                "top1", code=2)
    assert "needs labels" in done.stderr and not (tmp_path / "no.onnx").exists()
