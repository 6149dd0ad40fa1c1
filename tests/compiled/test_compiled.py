# Compiled programs: on every level that this machine has and at one to three threads the standard's cases
# give what they give by the reference, and real models, as .onnx and as packages, onnxruntime's answers.
import os
import subprocess

import numpy as np
import pytest

from tests.models.compare import TOOL, fetch, run_peer
from tests.passes.test_passes import cases, statuses, untouched  # noqa: F401  (fixtures)

LEVELS = ["v2", "v3", "v4"]


@pytest.mark.parametrize("threads", ["1", "2", "3"])
@pytest.mark.parametrize("level", LEVELS)
def test_cases_give_the_same_answers(cases, untouched, level, threads, monkeypatch):  # noqa: F811
    monkeypatch.setenv("GOSSAMER_ISA", level)  # a level that the machine lacks is left out by the tool
    after = statuses(cases, "--compiled", "--threads", threads)
    assert len(after) == len(untouched)
    assert [case for case, status in untouched.items() if after[case] != status] == []


@pytest.mark.parametrize(
    "name, input_name, shape",
    [
        ("ch_ppocr_mobile_v2.0_cls_infer.onnx", "x", (1, 3, 48, 192)),
        ("ch_PP-OCRv4_rec_infer.onnx", "x", (1, 3, 48, 160)),
        ("mbv2_fp32.onnx", "x", (1, 3, 224, 224)),
        ("blazeface.onnx", "input:0", (1, 256, 256, 3)),
        ("minilm_fp32.onnx", "x", (1, 128, 384)),
    ],
)
def test_packages_answer_as_onnxruntime_does(name, input_name, shape, tmp_path):
    path = fetch(name)
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    package = tmp_path / "model.goss"
    size = "x".join(map(str, shape))
    subprocess.run([TOOL, "compile", path, "-o", package, "--shape", f"{input_name}={size}"], check=True)
    expected = run_peer(path, {input_name: x})
    for model in [path, package]:
        out = tmp_path / ("out_" + os.path.basename(model))
        arguments = ["--input", f"{input_name}={tmp_path}/x.npy", "--output-dir", out]
        subprocess.run([TOOL, "run", model, *arguments], check=True)
        got = {f.stem: np.load(f) for f in out.iterdir()}
        for output, values in expected.items():
            stem = "".join(c if c.isalnum() or c in "_-." else "_" for c in output)
            assert np.abs(got[stem] - values).max() <= 1e-4 * max(np.abs(values).max(), 1e-6)
