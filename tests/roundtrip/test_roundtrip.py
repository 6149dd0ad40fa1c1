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

from tests.models import inputs
from tests.models.compare import ROOT, TOOL, assert_close, fetch, run_peer
from tests.models.test_models import HALF, INT8, PROBABILITY

MODES = {"origin": [], "canonical": ["--canonical"]}
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
        if row["status"] != "pass"
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


def vad_feeds(**others) -> dict[str, np.ndarray]:
    frames = inputs.vad_frames(inputs.speech()[20000:], 1)
    return {"input": frames, "state": np.zeros((2, 1, 128), np.float32)} | others


def sequence_feeds() -> dict[str, np.ndarray]:
    state = np.zeros((1, 1, 128), np.float32)
    return {"input": inputs.vad_frames(inputs.speech()[10000:], 8), "h": state, "c": state}


def photo(name: str, height: int, width: int) -> np.ndarray:
    return inputs.planar(inputs.photo(name, height, width), 127.5, 64)


RATE = np.array(16000, np.int64)
# Each model with inputs; the flags that it wants, as its structure depends on inputs; how far two
# executions of it may differ, as in tests/models.
REAL = {
    "silero_vad": (
        lambda: vad_feeds(sr=RATE),
        ["--shape", "input=1x576", "--shape", "state=2x1x128", "--bind", "sr=16000"],
        1e-4,
    ),
    "silero_vad_16k_op15": (lambda: vad_feeds(sr=RATE), ["--shape", "input=1x576"], 1e-4),
    "silero_vad_op18_ifless": (lambda: vad_feeds(sr=RATE), [], 1e-4),
    "silero_vad_half": (
        vad_feeds,
        ["--shape", "input=1x576", "--shape", "state=2x1x128"],
        HALF,
    ),
    "silero_vad_16k_sequence": (sequence_feeds, [], 1e-4),
    "ch_PP-OCRv4_det_infer": (lambda: {"x": photo("page.png", 64, 160)}, [], 1e-4),
    "ch_PP-OCRv4_rec_infer": (lambda: {"x": photo("page.png", 48, 64)}, [], 1e-4),
    "ch_ppocr_mobile_v2.0_cls_infer": (lambda: {"x": photo("page.png", 48, 192)}, [], 1e-4),
    "all_minilm_l6": (lambda: inputs.tokens(["a kitten rests on the rug", "music"]), [], 1e-4),
    "blazeface": (lambda: {"input:0": inputs.noise(1, 256, 256, 3)}, [], 1e-4),
    "melspectrogram": (lambda: {"input": inputs.speech()[None, :16000] * 32768}, [], 1e-4),
    "embedding_model": (lambda: {"input_1": inputs.noise(1, 76, 32, 1)}, [], 1e-4),
    "alexa_v0.1": (lambda: {"onnx::Flatten_0": inputs.noise(1, 16, 96)}, [], 1e-4),
    "efficientnet_lite0": (lambda: {"image": photo("coffee.png", 224, 224)}, [], 1e-4),
    "mbv2_fp32": (lambda: {"x": photo("coffee.png", 224, 224)}, [], 1e-4),
    "mbv2_int8": (lambda: {"x": photo("coffee.png", 224, 224)}, [], INT8),
    "resnet50_fp32": (lambda: {"x": photo("coffee.png", 224, 224)}, [], 1e-4),
    "resnet50_int8": (lambda: {"x": photo("coffee.png", 224, 224)}, [], INT8),
    "minilm_fp32": (lambda: {"x": inputs.noise(1, 128, 384)}, [], 1e-4),
    "minilm_int8": (lambda: {"x": inputs.noise(1, 128, 384)}, [], INT8),
    "bert_fp32": (lambda: {"x": inputs.noise(1, 128, 768)}, [], 1e-4),
    "bert_int8": (lambda: {"x": inputs.noise(1, 128, 768)}, [], INT8),
}
# Every operator of these does something; others have casts and reshapes that change nothing.
DENSE = {"ch_ppocr_mobile_v2.0_cls_infer", "mbv2_fp32", "resnet50_fp32"}
QUICK = {"silero_vad", "silero_vad_16k_sequence", "ch_ppocr_mobile_v2.0_cls_infer", "mbv2_fp32"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in REAL]
)
def test_real_models(name, mode, tmp_path):
    make_feeds, flags, tolerance = REAL[name]
    path, written = fetch(f"{name}.onnx"), tmp_path / "written.onnx"
    assert convert(path, written, *MODES[mode], *flags) == 0
    onnx.checker.check_model(str(written))
    model, original = onnx.load(written), onnx.load(path)
    assert [i.name for i in model.graph.output] == [i.name for i in original.graph.output]
    if mode == "origin" and name in DENSE:
        kept = {"Identity", "Constant"}  # aliases and constants are no nodes
        assert [n.op_type for n in model.graph.node if n.op_type not in kept] == [
            n.op_type for n in original.graph.node if n.op_type not in kept
        ]
    feeds = make_feeds()
    left = {i.name for i in model.graph.input}
    again = {k: v for k, v in feeds.items() if k in left}
    scale = PROBABILITY if name.startswith(("silero", "alexa")) else None
    assert_close(run_peer(written, again), run_peer(path, feeds), tolerance, scale)
