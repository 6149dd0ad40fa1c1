"""The documentation's site builds without a warning and holds what it should."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def test_site():
    done = subprocess.run([ROOT / "tools" / "make_site"], capture_output=True, text=True)
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stdout + done.stderr
    pages = ROOT / "build" / "site" / "html"
    assert "Made-up inputs" in (pages / "reference.html").read_text()
    assert "--profile" in (pages / "tool.html").read_text()
    assert "tutorial.html" in (pages / "index.html").read_text()
