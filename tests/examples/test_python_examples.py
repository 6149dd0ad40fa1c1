"""The scripts of examples/, run as a user would."""

import os
import pathlib
import subprocess
import sys

import pytest

from tests.clients.test_clients import python as clients_python
from tests.models.compare import fetch

ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(folder, script, *words, interpreter=sys.executable):
    command = [interpreter, ROOT / "examples" / script, *words]
    paths = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "python")}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=paths)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_ten_lines(tmp_path):
    assert run(tmp_path, "ten_lines.py") == ["f32[n,2] -> [[2.0, 2.0]]"]


def test_voice_activity(tmp_path):
    spans = run(tmp_path, "voice_activity.py", fetch("silero_vad.onnx"), fetch("speech.wav"))
    assert 1 <= len(spans) <= 4 and spans[0].startswith("0.2")
    assert (tmp_path / "voice.goss").stat().st_size < 3e6


def test_ocr(tmp_path):
    large, small = run(tmp_path, "ocr.py", fetch("ch_PP-OCRv4_rec_infer.onnx"), "Hello, world 2026")
    assert large.startswith("as it was: 10.8 MB") and large.endswith("reads 'Hello, world 2026'")
    assert small.startswith("smaller: 2.") and "Hello, world 2026" in small


@pytest.mark.slow
def test_sentence_search(tmp_path):
    model, tokenizer = fetch("all_minilm_l6.onnx"), fetch("tokenizer.json")
    words = (model, tokenizer, "Who eats fish?")
    out = run(tmp_path, "sentence_search.py", *words, interpreter=clients_python(True))
    assert out == ["90 MB -> 23 MB", "The cat devours a herring on the stairs."]
