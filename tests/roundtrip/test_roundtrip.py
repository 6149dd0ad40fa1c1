# Models read, written as ONNX and read again: the same answers, with their operators as they were
# and with each spelled from its primitives; what is written passes the standard's checker, and
# onnxruntime runs it as it ran the original.
import json
import pathlib
import subprocess
import sys

import numpy as np
import onnx
import pytest

from tests.models.compare import ROOT, TOOL, assert_close, fetch, run_peer

MODES = {"origin": [], "canonical": ["--canonical"]}
# GridSample wants coordinates scaled to -1..1: a sum that cancels to 0 comes out as 2.4e-7.
ROUNDED = {"canonical": {"node/test_basic_deform_conv_with_padding"}, "origin": set()}
# Every so many cases are written to files and shown to the checker.
CHECKED = 6


@pytest.fixture(scope="session")
def suite(tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, ROOT / "tools" / "make_conformance", folder], check=True)
    return folder


def convert(model: pathlib.Path, output: pathlib.Path, *arguments: str) -> int:
    done = subprocess.run(
        [TOOL, "convert", str(model), "-o", str(output), *arguments], capture_output=True
    )
    return done.returncode


@pytest.mark.parametrize("mode", MODES)
def test_cases_give_the_same_answers(suite, mode):
    passing = {row["case"] for row in rows(suite) if row["status"] == "pass"}
    again = [row for row in rows(suite, "--round-trip", mode) if row["case"] in passing]
    assert len(again) == len(passing)
    lost = [
        f"{row['case']}: {row['status']}: {row['why']}"
        for row in again
        if row["status"] != "pass" and row["case"] not in ROUNDED[mode]
    ]
    assert not lost, "\n".join(lost)


def rows(suite: pathlib.Path, *arguments: str) -> list[dict]:
    done = subprocess.run(
        [TOOL, "check", "--suite", suite, "--json", *arguments], capture_output=True, text=True
    )
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("mode", MODES)
def test_written_cases_pass_the_checker(suite, mode, tmp_path):
    output = tmp_path / "written.onnx"
    for model in sorted(suite.rglob("model.onnx"))[::CHECKED]:
        # What a case binds by value cannot be written without it.
        if convert(model, output, *MODES[mode]) == 0:
            try:
                onnx.checker.check_model(str(output))
            except onnx.checker.ValidationError as e:
                pytest.fail(f"{model.parent.name}: {e}")


def image(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(shape).astype(np.float32)


def feeds_for(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Plausible inputs by the model's declared types; open extents are 1."""
    feeds = {}
    for value in onnx.load(path, load_external_data=False).graph.input:
        t = value.type.tensor_type
        shape = [d.dim_value if d.dim_value > 0 else 1 for d in t.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(t.elem_type)
        feeds[value.name] = image(*shape) if dtype == np.float32 else np.ones(shape, dtype)
    return feeds


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["mbv2_fp32.onnx", "ch_ppocr_mobile_v2.0_cls_infer.onnx"])
def test_real_models(name, mode, tmp_path):
    path = fetch(name)
    written = tmp_path / name
    assert convert(path, written, *MODES[mode]) == 0
    onnx.checker.check_model(str(written))
    model, original = onnx.load(written), onnx.load(path)
    assert [i.name for i in model.graph.output] == [i.name for i in original.graph.output]
    if mode == "origin":
        kept = {"Identity", "Constant"}  # aliases and constants are no nodes
        assert [n.op_type for n in model.graph.node if n.op_type not in kept] == [
            n.op_type for n in original.graph.node if n.op_type not in kept
        ]
    feeds = feeds_for(path)
    assert_close(run_peer(written, feeds), run_peer(path, feeds), 1e-4)
