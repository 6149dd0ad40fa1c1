# What the tool says about memory: the figures of a plan, its timeline and drawing, the cap; and the cache of
# compiled models.
import json
import os
import xml.etree.ElementTree as ElementTree

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.tool.test_measuring import model, package, tool  # noqa: F401


@pytest.fixture
def feed(tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 64), np.float32))
    return f"x={tmp_path}/x.npy"


def check(memory):
    assert memory["arena_bytes"] >= memory["lower_bound_bytes"] >= memory["live_bytes"] >= 3 * 32 * 4
    assert max(memory["timeline"]) == memory["lower_bound_bytes"]
    assert max(b["offset"] + b["bytes"] for b in memory["blocks"]) == memory["arena_bytes"]


def test_info_and_compile_tell_the_plan(model, tmp_path):  # noqa: F811
    fixed = ["--dim", "n=3"]
    memory = json.loads(tool("info", model, *fixed, "--json", "--svg", tmp_path / "plan.svg").stdout)["memory"]
    check(memory)
    drawing = ElementTree.parse(tmp_path / "plan.svg").getroot()
    assert len(drawing.findall("{http://www.w3.org/2000/svg}rect")) == len(memory["blocks"])
    assert "lower bound" in tool("info", model, *fixed).stdout
    out = ["-o", tmp_path / "m.goss"]
    check(json.loads(tool("compile", model, *fixed, *out, "--json").stdout)["memory"])
    assert "timeline" in tool("compile", model, *fixed, *out).stdout
    check(json.loads(tool("info", tmp_path / "m.goss", "--json").stdout)["memory"])


def test_open_extents_have_no_plan(model, package, tmp_path):  # noqa: F811
    assert json.loads(tool("info", model, "--json").stdout)["memory"] is None
    assert json.loads(tool("info", package, "--json").stdout)["memory"] is None
    refused = tool("compile", model, "-o", tmp_path / "m.goss", "--memory-cap", "64M", code=2)
    assert "--shape" in refused.stderr and not (tmp_path / "m.goss").exists()


def test_a_cap_refuses_early_with_the_figure(model, package, feed, tmp_path):  # noqa: F811
    fixed = ["--dim", "n=3"]
    needed = json.loads(tool("info", model, *fixed, "--json").stdout)["memory"]["arena_bytes"]
    out = tmp_path / "m.goss"
    for command in (["compile", model, *fixed, "-o", out], ["run", model, "--input", feed], ["run", package, "--input", feed]):
        assert str(needed) in tool(*command, "--memory-cap", needed - 1, code=7).stderr
        tool(*command, "--memory-cap", "1M")
    tool("bench", model, *fixed, "--seconds", "0", "--memory-cap", 1, code=7)


def test_a_cache_keeps_compiled_models(model, feed, tmp_path):  # noqa: F811
    run = ["run", model, "--input", feed, "--cache", tmp_path / "kept"]
    first = tool(*run, "--output-dir", tmp_path / "a")
    (kept,) = (tmp_path / "kept").iterdir()
    assert first.stderr == "" and kept.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    written = kept.stat().st_mtime_ns
    assert tool(*run, "--output-dir", tmp_path / "b").stderr == "" and kept.stat().st_mtime_ns == written
    assert (tmp_path / "a" / "y.npy").read_bytes() == (tmp_path / "b" / "y.npy").read_bytes()
    broken = bytearray(kept.read_bytes())
    broken[-1] ^= 1
    kept.write_bytes(broken)
    assert "made anew" in tool(*run, "--output-dir", tmp_path / "c").stderr
    assert tool(*run).stderr == ""
    kept.chmod(0o666)
    assert "by others" in tool(*run).stderr
    assert tool(*run).stderr == "" and os.listdir(tmp_path / "kept") == [kept.name]
    tool("bench", model, "--input", feed, "--seconds", "0", "--cache", tmp_path / "kept")
    assert os.listdir(tmp_path / "kept") == [kept.name]


def test_a_cache_sees_that_weights_beside_the_model_changed(tmp_path):
    weights = np.arange(16, dtype=np.float32)
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [16]) for n in "xy"]
    node = helper.make_node("Add", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", ports[:1], ports[1:], [numpy_helper.from_array(weights, "w")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    np.save(tmp_path / "x.npy", np.zeros(16, np.float32))
    run = ["run", tmp_path / "m.onnx", "--input", f"x={tmp_path}/x.npy", "--cache", tmp_path / "kept"]
    for k in range(2):
        for _ in range(2):
            tool(*run, "--output-dir", tmp_path / "out")
            np.testing.assert_array_equal(np.load(tmp_path / "out" / "y.npy"), weights + k)
        (tmp_path / "w.bin").write_bytes((weights + 1).tobytes())
    assert len(os.listdir(tmp_path / "kept")) == 2
