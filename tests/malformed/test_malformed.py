# Feeds every malformed model to the tool: it must refuse with the right exit code, say where the
# mistake is, and use little memory and time. GOSSAMER names the tool; GOSSAMER_SLOW_TOOL lifts the
# bounds on time and memory (sanitizers).
import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from .make import CASES

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
TOOL = os.environ.get("GOSSAMER", str(ROOT / "build" / "gossamer"))
BOUNDED = "GOSSAMER_SLOW_TOOL" not in os.environ
MEBIBYTE = 1 << 20
CPU_SECONDS = 1.0
SLACK = 64 * MEBIBYTE  # of memory, whatever the size of the file


class Runner:
    """A process that runs commands and reports what each of them used."""

    def __init__(self) -> None:
        script = pathlib.Path(__file__).with_name("runner.py")
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: list[str], folder: pathlib.Path) -> dict:
        request = {
            "command": command,
            "cwd": str(folder),
            "address_space": (4096 if BOUNDED else 1 << 25) * MEBIBYTE,
            "seconds": 10,
        }
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


@pytest.fixture(scope="module")
def runner():
    r = Runner()
    yield r
    r.close()


def use_is_small(done: dict, file_bytes: int) -> None:
    if BOUNDED:
        assert done["cpu_seconds"] <= CPU_SECONDS
        assert done["peak_bytes"] <= 16 * file_bytes + SLACK


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refuses(case, runner, tmp_path):
    path = case.build(tmp_path)
    size = path.stat().st_size
    done = runner.run([TOOL, "info", str(path)], tmp_path)
    if done["code"] == 0 and case.inputs is not None:
        use_is_small(done, size)
        inputs = []
        for name, array in case.inputs.items():
            np.save(tmp_path / f"{name}.npy", array)
            inputs += ["--input", f"{name}={tmp_path / name}.npy"]
        done = runner.run(
            [TOOL, "run", str(path), *inputs, "--output-dir", str(tmp_path / "out"), "--reference"],
            tmp_path,
        )
    assert done["code"] in case.codes, done["stderr"] or done["stdout"]
    assert done["stderr"].startswith("gossamer: error:"), done["stderr"]
    assert case.says in done["stderr"], done["stderr"]
    assert not done["stdout"], "words on stdout"
    use_is_small(done, size)


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
