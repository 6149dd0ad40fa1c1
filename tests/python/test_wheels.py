"""Wheels: small, audited, and good where there is no compiler (tools/make_wheels)."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_wheels(tmp_path):
    done = subprocess.run([ROOT / "tools" / "make_wheels", tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    wheels = list(tmp_path.glob("gossamer-*manylinux*.whl"))
    assert wheels and all(w.stat().st_size <= 8 << 20 for w in wheels)
    assert done.stdout.count("f32[n,2] -> [[2.0, 2.0]]") == len(wheels)
