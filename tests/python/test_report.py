"""Report pages: what stands in them, and that a browser draws them without a network."""

import html.parser
import json
import re
import shutil
import subprocess
import sys

import pytest

import gossamer

from . import models
from .test_compress import RECIPE, layers, rows

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


class Page(html.parser.HTMLParser):
    """Addresses that a page refers to, its charts and its data."""

    def __init__(self, path):
        super().__init__()
        self.addresses, self.charts, self.data, self.inside = [], [], "", False
        self.text = path.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[k] for k in ("src", "href") if k in found]
        if "data-chart" in found:
            self.charts.append(found["data-chart"])
        self.inside = found.get("id") == "data"

    def handle_data(self, data):
        if self.inside:
            self.data += data


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    model = gossamer.load(layers())
    small = model.compress(RECIPE, rows(), metric=lambda m: 0.5)
    gossamer.report([model, small], path, original=model, inputs=rows(1), seconds=0.1)
    return path


def test_content(page):
    read = Page(page)
    assert read.addresses == [] and len(read.charts) == 10
    data = json.loads(read.data)
    first, second = data["models"]
    assert first["weights"] >= 3 * 32 * 32 * 4 > 2 * second["weights"]
    assert sum(r["ms"] for r in first["rows"]) > 0 and len(first["memory"]) == len(first["rows"])
    assert data["machine"]["giga_flops"] > 1
    assert set(second["rows"][-1]["constants"]) & {"i8", "u8"}
    text = read.text
    assert "Accuracy against the original" in text and "quantized 3 layers" in text
    assert "metric" in text and "prefers-color-scheme" in text
    # The policy that forbids a network stands before anything that could use one.
    assert text.index("default-src 'none'") < text.index("<script")


@pytest.mark.skipif(not BROWSER, reason="no chromium")
@pytest.mark.parametrize("dark", [False, True])
def test_browser_draws(page, dark):
    """All charts are drawn with marks in them, in light and dark."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--virtual-time-budget=8000", "--enable-logging=stderr"]
    command += ["--blink-settings=preferredColorScheme=0"] if dark else []
    done = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120)
    assert 'data-drawn="10"' in done.stdout
    drawn = done.stdout
    assert drawn.count('class="slice') >= 6
    assert drawn.count('class="point"') >= 12
    assert ("fill: rgb(221, 221, 221)" in drawn) == dark  # the letters
    assert not re.search(r"CONSOLE.*(Error|Refused)", done.stderr), done.stderr[-800:]


def test_command(tmp_path):
    model, out = tmp_path / "a<b>.onnx", tmp_path / "r.html"
    model.write_bytes(models.matmul())
    command = [sys.executable, "-m", "gossamer", "report", str(model), "-o", str(out)]
    paths = {"PYTHONPATH": ":".join(sys.path)}

    def run(*more):
        return subprocess.run([*command, *more], capture_output=True, text=True, env=paths)

    done = run("--dim", "N=4", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    assert "a&lt;b&gt;.onnx" in out.read_text() and "<b>.onnx" not in out.read_text()
    assert out.stat().st_mode & 0o777 == 0o644
    wrong = run("--dim", "N")
    assert wrong.returncode == 2 and "gossamer: error: --dim 'N' is not NAME=VALUE" in wrong.stderr
    absent = run("--original", "none.onnx")
    assert absent.returncode in (2, 9) and "none.onnx" in absent.stderr
    with pytest.raises(gossamer.UsageError, match="no model"):
        gossamer.report([], out)
