# Runs the project's Python scripts in the project's own environment (.cache/venv, made by tools/venv),
# whichever interpreter the user started them with.
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".cache" / "venv"


def ensure(*modules: str) -> None:
    """Returns when `modules` can be imported; otherwise starts the running script again inside the environment.

    Makes the environment with tools/venv where it is missing. Exits with a message when that fails.
    """
    missing = [m for m in modules if not _has(m)]
    if not missing:
        return
    python = VENV / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == VENV.resolve() or "GOSSAMER_IN_VENV" in os.environ:
        sys.exit(f"error: {', '.join(missing)} missing in {sys.prefix}; run `rm -rf {VENV}` and `tools/venv`")
    if subprocess.run([ROOT / "tools" / "venv"], stdout=sys.stderr).returncode or not python.exists():
        sys.exit("error: tools/venv could not make the Python environment; its message is above")
    os.environ["GOSSAMER_IN_VENV"] = "1"
    os.execv(python, [str(python), *sys.argv])


def _has(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None
