# The verbs that measure: bench with its profile, trace, batch and comparison; cpu. What they print for
# machines is JSON and nothing else.
import json
import subprocess

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.models.compare import TOOL


def tool(*arguments, code=0):
    done = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """x[n, 64] times weights, then a sigmoid."""
    weights = np.random.default_rng(1).standard_normal((64, 32)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"], name="dense"),
            helper.make_node("Softmax", ["h"], ["y"], name="choice"),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 32])],
        [numpy_helper.from_array(weights, "w")],
    )
    path = tmp_path_factory.mktemp("model") / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def package(model):
    tool("compile", model, "-o", model.with_suffix(".goss"))
    return model.with_suffix(".goss")


QUICK = ["--seconds", "0.05", "--json"]


def test_bench_prints_one_object(model):
    row = json.loads(tool("bench", model, "--dim", "n=2", "--threads", "1", "--precision", "exact", *QUICK).stdout)
    assert {"load_ms", "first_ms", "median_ms", "p95_ms", "rss_mb", "arena_mb", "isa"} <= row.keys()
    assert row["threads"] == 1 and row["runs"] >= 10 and row["median_ms"] > 0


def test_bench_of_several_models_is_an_array(model, package, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((3, 64), np.float32))
    rows = json.loads(tool("bench", model, package, "--input", f"x={tmp_path}/x.npy", *QUICK).stdout)
    assert [r["model"] for r in rows] == [str(model), str(package)]
    assert rows[0]["speed"] == 1 and rows[1]["speed"] > 0
    table = tool("bench", package, model, "--batch", "3", "--seconds", "0.05").stdout.splitlines()
    assert len(table) == 4 and "1.00x" in table[1] and str(model) in table[2]
    done = tool("bench", model, package, "--batch", "2", "--dim", "m=2", *QUICK, code=2)
    assert "'m=2' names nothing of these models" in done.stderr and done.stdout == ""


def test_bench_of_a_batch_and_of_sessions_side_by_side(model, package, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((1, 64), np.float32))
    for path in [model, package]:
        for given in [[], ["--input", f"x={tmp_path}/x.npy"]]:
            row = json.loads(tool("bench", path, "--batch", "8", "--sessions", "2", *given, *QUICK).stdout)
            assert row["batch"] == 8 and row["sessions"] == 2 and row["runs_per_second"] > 0
    done = tool("bench", model, "--shape", "x=1x64", "--batch", "8", *QUICK, code=2)
    assert "open first axis" in done.stderr


def test_profile_names_the_steps_and_their_rates(package, tmp_path):
    trace = tmp_path / "trace.json"
    text = tool("bench", package, "--batch", "4", "--seconds", "0.05", "--profile", "--trace", trace).stdout
    rows = [line for line in text.splitlines() if "kernel." in line and "steps)" not in line]
    assert [line.split()[-1] for line in rows if line.split()[-2] == "kernel.matmul"] == ["dense"]
    assert "GFLOP/s" in text and "roof" in text and "scalar code 0.0 %" in text
    events = [e for e in json.loads(trace.read_text())["traceEvents"] if e["ph"] == "X"]
    assert {"dense", "choice"} <= {e["name"] for e in events}
    for event in events:
        assert event["ts"] >= 0 and event["dur"] >= 0 and event["args"]["parts"] >= 1
    row = json.loads(tool("bench", package, "--batch", "4", "--profile", *QUICK).stdout)
    dense = next(s for s in row["steps"] if s["step"] == "dense")
    assert dense["flops"] >= 2 * 4 * 64 * 32 and dense["us"] > 0 and dense["roofline_share"] > 0
    assert "one model" in tool("bench", package, package, "--batch", "4", "--profile", code=2).stderr


def test_cpu_measures_this_machine():
    row = json.loads(tool("cpu", "--json").stdout)
    assert row["level"] in row["levels"] and row["threads"] >= 1
    assert set(row["giga_ops_per_s"]["f32"]) == set(row["levels"])
    assert min(row["cache_bytes"].values()) > 0 and min(row["read_gb_per_s"].values()) > 0
    text = tool("cpu").stdout
    for word in ["levels", "threads", "caches", "GB/s from memory"]:
        assert word in text


def test_cpu_says_when_the_environment_lowers_the_level(monkeypatch):
    monkeypatch.setenv("GOSSAMER_ISA", "v2")
    assert json.loads(tool("cpu", "--json").stdout)["level"] == "v2"
