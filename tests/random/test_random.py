# Random graphs, written as ONNX models, give the same answers in onnxruntime as in the reference.
# GOSSAMER_RANDOM_SEEDS=FIRST:COUNT chooses other seeds than the first 200.
import json
import os
import subprocess

import numpy as np
import pytest
from onnxruntime.capi import onnxruntime_pybind11_state as state

from tests.models.compare import TOOL, session

FIRST, COUNT = map(int, os.environ.get("GOSSAMER_RANDOM_SEEDS", "0:200").split(":"))
# Some kernels say only while running that they lack a type; half floats that onnxruntime computes
# as floats lose their type before they become optional.
REFUSALS = ("not support", "only supports", "Type (optional(tensor(float16)))")
tally = {"compared": 0, "not implemented": 0}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    command = [TOOL, "generate", "--seed", str(FIRST), "--count", str(COUNT)]
    done = subprocess.run([*command, "--output-dir", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    yield folder
    print(f"\nrandom graphs from seed {FIRST}: {tally}")


def values(folder, kind):
    """The stored arrays input_K or output_K, in order."""
    files = sorted(folder.glob(f"{kind}_*.npy"), key=lambda f: int(f.stem.split("_")[1]))
    return [np.load(f) for f in files]


def answers(folder):
    model = session(folder / "model.onnx")
    arrays = values(folder / "test_data_set_0", "input")
    feeds = {i.name: a for i, a in zip(model.get_inputs(), arrays, strict=True)}
    return [o.name for o in model.get_outputs()], model.run(None, feeds)


@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_onnxruntime_agrees(graphs, seed):
    folder = graphs / str(seed)
    try:
        names, got = answers(folder)
    except (state.NotImplemented, state.RuntimeException, state.Fail) as e:
        if not isinstance(e, state.NotImplemented) and not any(s in str(e) for s in REFUSALS):
            raise
        tally["not implemented"] += 1
        pytest.skip(f"seed {seed}: {e}")
    tally["compared"] += 1
    tolerance = json.loads((folder / "case.json").read_text())
    expected = values(folder / "test_data_set_0", "output")
    for name, g, e in zip(names, got, expected, strict=True):
        assert g.dtype == e.dtype and g.shape == e.shape, f"seed {seed}: {name}"
        if np.issubdtype(e.dtype, np.floating):
            np.testing.assert_allclose(g, e, **tolerance, err_msg=f"seed {seed}: {name}")
        else:
            np.testing.assert_array_equal(g, e, err_msg=f"seed {seed}: {name}")
