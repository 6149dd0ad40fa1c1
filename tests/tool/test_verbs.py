# What holds for every verb, and verbs that have no test of their own elsewhere.
import json
import pathlib
import re
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.models.compare import ROOT, TOOL

VERBS = re.findall(r"^VERB\((\w+)\)", (ROOT / "src/cli/verbs.def").read_text(), re.M)


def tool(*arguments, code=0):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example(verb):
    text = tool(verb, "--help").stdout
    example = re.search(r"^Example: gossamer (.*)$", text, re.M)
    assert example and example[1].split()[0] == verb
    options = set(re.findall(r"(?<![\w-])--[\w-]+", text.split("Example:")[0]))
    assert set(re.findall(r"(?<!\S)--[\w-]+", example[1])) <= options


@pytest.mark.parametrize("verb", VERBS)
def test_the_readme_shows_every_verb(verb):
    assert f"gossamer {verb} " in (ROOT / "README.md").read_text()


def test_exit_codes_are_documented():
    """Those of the source, in the tool's help and in the README alike."""
    cases = (ROOT / "src/cli/verb.cc").read_text().split("int exit_code(")[1].split("default")[0].split("\n}")[0]
    codes = set(re.findall(r"return (\d+);", cases))
    for text in [tool("--help").stdout, (ROOT / "README.md").read_text()]:
        said = text.split("Exit codes:")[1].split("Messages")[0].split("Example")[0]
        assert codes == set(re.findall(r"\b\d+\b", said))


def test_wrong_usage_says_what_to_do():
    done = tool("no-such-verb", code=2)
    assert done.stdout == "" and "gossamer: error:" in done.stderr and "gossamer: hint:" in done.stderr


@pytest.fixture
def summing(tmp_path) -> pathlib.Path:
    """y = x summed over `axes`, an input: the structure depends on its value."""
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"], name="sum", keepdims=0)],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3]),
            helper.make_tensor_value_info("axes", TensorProto.INT64, [1]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    path = tmp_path / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_compile_binds_what_structure_depends_on(summing, tmp_path):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "axes.npy", np.array([0], np.int64))
    package = tmp_path / "m.goss"
    done = tool("compile", summing, "-o", package, code=8)
    assert "--bind axes=" in done.stderr and not package.exists()
    for value, axis in [("1", 1), (tmp_path / "axes.npy", 0)]:
        tool("compile", summing, "-o", package, "--bind", f"axes={value}")
        tool("run", package, "--input", f"x={tmp_path}/x.npy", "--output-dir", tmp_path / "out")
        assert np.array_equal(np.load(tmp_path / "out" / "y.npy"), x.sum(axis))
    assert "settled" in tool("run", package, "--bind", "axes=1", code=2).stderr


def test_info_and_text_of_a_package():
    """The sample package of the format: x[n] by a gather of elements."""
    sample = ROOT / "tests" / "package" / "format_1.goss"
    told = json.loads(tool("info", sample, "--json").stdout)
    assert told["file_bytes"] == sample.stat().st_size and told["format"] == "1.0"
    assert told["steps"] == sum(told["operations"].values()) > 0
    assert {"about", "program"} <= {s["name"] for s in told["sections"]}
    assert all(s["offset"] + s["bytes"] <= told["file_bytes"] for s in told["sections"])
    text, steps = tool("info", sample).stdout, tool("text", sample).stdout
    for port in told["inputs"] + told["outputs"]:
        assert f"{port['name']}: {port['type']}" in text and f"'{port['name']}' {port['type']}" in steps
    for operation in told["operations"]:
        assert operation in text and f" = {operation}(" in steps
    assert "settled" in tool("info", sample, "--dim", "n=1", code=2).stderr


def test_info_of_a_package_counts_weights_and_regions(tmp_path):
    weights = np.ones((64, 64), np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 64])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    done = json.loads(tool("compile", tmp_path / "m.onnx", "-o", tmp_path / "m.goss", "--json").stdout)
    assert done["scalar_work"] == {"share": 0, "primitives": {}}
    assert json.loads(tool("info", tmp_path / "m.onnx", "--json").stdout)["scalar_work"]["share"] == 0
    told = json.loads(tool("info", tmp_path / "m.goss", "--json").stdout)
    assert sum(told["bytes"].values()) >= weights.nbytes
    assert told["operations"] == {"kernel.matmul": 1} and told["scalar_steps"] == 0
    assert told["inputs"] == [{"name": "x", "type": "f32[2,64]", "shape": [2, 64]}]
    assert told["precision"] == "exact" and told["lowest_level"] == "v2"
    assert "// dense" in tool("text", tmp_path / "m.goss").stdout


def test_stored_small_a_package_answers_the_same(tmp_path):
    w = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)
    w[np.abs(w) < 0.7] = 0
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])],
        [onnx.numpy_helper.from_array(w, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.ones((1, 64), np.float32))
    answers, sizes = [], []
    for store in ["fast", "small"]:
        package = tmp_path / f"{store}.goss"
        tool("compile", tmp_path / "m.onnx", "-o", package, "--store", store)
        tool("run", package, "--input", f"x={tmp_path}/x.npy", "--output-dir", tmp_path / store)
        answers.append(np.load(tmp_path / store / "y.npy"))
        sizes.append(package.stat().st_size)
    assert np.array_equal(*answers) and sizes[1] < 0.7 * sizes[0]
    assert "coded constants" in tool("info", tmp_path / "small.goss").stdout
