"""Real models in a C program on the runtime library: sessions that share a pool, and the way to the first answer."""

import pathlib
import subprocess
import time

import pytest

from tests.models.compare import TOOL, fetch

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
VAD = ["--shape", "input=1x576", "--shape", "state=2x1x128", "--bind", "sr=16000"]


@pytest.fixture(scope="module")
def share(tmp_path_factory) -> pathlib.Path:
    program = tmp_path_factory.mktemp("share") / "share"
    command = ["gcc", ROOT / "tests" / "library" / "share.c", f"-I{ROOT}/include", f"-L{BUILD}"]
    command += ["-lgossamer_runtime", f"-Wl,-rpath,{BUILD}", "-Wall", "-Werror", "-o", program]
    subprocess.run(command, check=True)
    return program


def compiled(name: str, folder: pathlib.Path, *options: str) -> pathlib.Path:
    package = folder / f"{name}.goss"
    command = [TOOL, "compile", fetch(name + ".onnx"), "-o", package, *options]
    subprocess.run(command, check=True, capture_output=True)
    return package


def test_sessions_that_share_a_pool_cost_the_largest(share, tmp_path):
    packages = [
        compiled("ch_ppocr_mobile_v2.0_cls_infer", tmp_path, "--shape", "x=1x3x48x192"),
        compiled("ch_PP-OCRv4_det_infer", tmp_path, "--shape", "x=1x3x320x320"),
        compiled("ch_PP-OCRv4_rec_infer", tmp_path, "--shape", "x=1x3x48x320"),
    ]
    done = subprocess.run([share, *packages], check=True, capture_output=True, text=True)
    *alone, pool = map(int, done.stdout.split()[1:])
    assert len(alone) == 3 and min(alone) > 100_000
    assert max(alone) <= pool <= max(alone) + 4096


def test_speech_is_told_soon_after_the_program_starts(share, tmp_path):
    package = compiled("silero_vad", tmp_path, *VAD)
    best = 1e9
    for _ in range(20):
        begin = time.perf_counter()
        with subprocess.Popen([share, package], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "answered\n"
            best = min(best, time.perf_counter() - begin)
    print(f"from the start of the process to the first answer: {best * 1e3:.2f} ms")
    assert best < 1  # below 0.01 on an idle machine
