# Fetches models, runs them with the tool and with onnxruntime, and compares the answers.
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = os.environ.get("GOSSAMER", str(ROOT / "build" / "gossamer"))
MODELS = pathlib.Path(os.environ.get("GOSSAMER_MODELS", ROOT / ".cache" / "models"))


@functools.cache
def fetch(name: str) -> pathlib.Path:
    """The file of that name in tools/models.json, fetched unless it is there. Fails the test when
    it cannot be had."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "fetch_models", MODELS, "--only", name],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{name} could not be fetched: {done.stderr}"
    return MODELS / name


def plain(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "_", name)


@functools.lru_cache(maxsize=4)
def session(path: pathlib.Path) -> onnxruntime.InferenceSession:
    """onnxruntime without its rewrites, so that it computes what the file says, rounding by
    rounding."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def run_tool(
    path: pathlib.Path, feeds: dict, names: list[str] | None = None
) -> dict[str, np.ndarray]:
    """Outputs by name as the tool's reference executor computes them. Without `names` those that
    onnxruntime sees."""
    names = names or [o.name for o in session(path).get_outputs()]
    with tempfile.TemporaryDirectory() as folder:
        command = [TOOL, "run", str(path), "--output-dir", f"{folder}/out", "--reference"]
        for k, (name, array) in enumerate(feeds.items()):
            np.save(f"{folder}/{k}.npy", array)
            command += ["--input", f"{name}={folder}/{k}.npy"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, f"exit code {done.returncode}: {done.stderr}"
        files = {plain(f.stem): np.load(f) for f in pathlib.Path(folder, "out").glob("*.npy")}
    return {name: files[plain(name)] for name in names}


def run_peer(path: pathlib.Path, feeds: dict) -> dict[str, np.ndarray]:
    s = session(path)
    return dict(zip([o.name for o in s.get_outputs()], s.run(None, feeds)))


def assert_close(got: dict, expected: dict, tolerance: float, scale: float | None = None) -> None:
    """Every output within `tolerance` of its range, or of `scale` where one answer does not show
    the range."""
    assert got.keys() == expected.keys()
    for name, e in expected.items():
        g = got[name]
        assert g.shape == e.shape and g.dtype == e.dtype, (
            f"{name}: {g.dtype}{g.shape}, expected {e.dtype}{e.shape}"
        )
        assert np.isfinite(g).all(), f"{name} holds NaN or infinity"
        span = scale or max(float(np.ptp(e.astype(np.float64))), 1e-6)
        difference = float(np.abs(g.astype(np.float64) - e).max(initial=0)) / span
        assert difference <= tolerance, (
            f"{name} is off by {difference:.3g} of its range, {tolerance:.3g} allowed"
        )


def check(
    path: pathlib.Path, feeds: dict, tolerance: float = 1e-4, scale: float | None = None
) -> dict[str, np.ndarray]:
    """Runs both, compares, and returns onnxruntime's outputs."""
    expected = run_peer(path, feeds)
    assert_close(run_tool(path, feeds), expected, tolerance, scale)
    return expected
