# Runs the project's Python scripts in the project's own environment (.cache/venv, made by
# tools/venv), whichever interpreter the user started them with.
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".cache" / "venv"


def ensure() -> None:
    """Returns in the project's environment; elsewhere starts the running script again inside it,
    making it if needed."""
    if pathlib.Path(sys.prefix).resolve() == VENV.resolve():
        return
    made = subprocess.run([ROOT / "tools" / "venv"], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        sys.exit("error: tools/venv could not make the Python environment; its message is above")
    python = made.stdout.strip()
    os.execv(python, [python, *sys.argv])
