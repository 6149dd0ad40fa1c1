# Passes: each alone, and all of them, leave the answers of the standard's cases as they were; what
# optimize writes runs in onnxruntime with the answers of the original.
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
import pytest

from tests.models.compare import ROOT, TOOL, assert_close, fetch, run_peer
from tests.models.inputs import noise

PASSES = [
    name
    for table in ["passes.def", "target_passes.def"]
    for name in re.findall(r"^PASS\((\w+),", (ROOT / "src/passes" / table).read_text(), re.M)
]


def feeds_for(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Plausible inputs by the model's declared types; open extents are 1."""
    feeds = {}
    for value in onnx.load(path, load_external_data=False).graph.input:
        t = value.type.tensor_type
        shape = [d.dim_value if d.dim_value > 0 else 1 for d in t.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(t.elem_type)
        feeds[value.name] = noise(*shape) if dtype == np.float32 else np.ones(shape, dtype)
    return feeds


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, ROOT / "tools" / "make_conformance", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def untouched(cases) -> dict[str, str]:
    return statuses(cases)


def statuses(cases: pathlib.Path, *arguments: str) -> dict[str, str]:
    done = subprocess.run(
        [TOOL, "check", "--suite", cases, "--json", *arguments], capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["case"]: row["status"] for row in rows}


@pytest.mark.parametrize("name", ["all", "target", *PASSES])
def test_cases_give_the_same_answers(cases, untouched, name):
    after = statuses(cases, "--passes", name)
    assert len(after) == len(untouched)
    assert [case for case, status in untouched.items() if after[case] != status] == []


ATTENTIONS = {"bert_fp32.onnx": 12, "minilm_fp32.onnx": 6, "all_minilm_l6.onnx": 6}


@pytest.mark.parametrize("name", ATTENTIONS)
def test_the_compiler_sees_attention(name, tmp_path):
    text = tmp_path / "graph.txt"
    subprocess.run(
        [TOOL, "optimize", fetch(name), "--passes", "target", "--text", text],
        check=True,
        capture_output=True,
    )
    found = re.findall(r" = (\w+)\(", text.read_text())
    assert found.count("attention") == ATTENTIONS[name]
    assert "softmax" not in found
    assert found.count("matmul") == 4 * ATTENTIONS[name]  # queries, keys and values are one


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mbv2_fp32.onnx", []),
        ("minilm_fp32.onnx", ["--opset", "23"]),  # has GELU and attention as operators
        ("blazeface.onnx", []),
    ],
)
def test_optimized_models_run_elsewhere(name, options, tmp_path):
    path = fetch(name)
    written = tmp_path / name
    done = subprocess.run(
        [TOOL, "optimize", path, "-o", written, "--json", *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["after"]["nodes"] < report["before"]["nodes"]
    onnx.checker.check_model(str(written))
    feeds = feeds_for(path)
    assert_close(run_peer(written, feeds), run_peer(path, feeds), 1e-3)
