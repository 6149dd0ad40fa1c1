"""The package's own commands: `gossamer report`, or `python -m gossamer report`."""

from __future__ import annotations

import argparse
import pathlib
import sys

import numpy as np

from . import Error, UsageError, __version__, load
from ._report import report


def _pairs(given: list[str], what: str) -> dict[str, str]:
    out = {}
    for text in given:
        name, separator, value = text.rpartition("=")
        if not separator:
            raise UsageError(f"{what} '{text}' is not NAME=VALUE")
        out[name] = value
    return out


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(n) for n in text.split("x"))
    except ValueError:
        raise UsageError(f"'{text}' is no shape such as 1x3x224x224") from None


def _report(given: argparse.Namespace) -> None:
    dims = {k: _numbers(v)[0] for k, v in _pairs(given.dim, "--dim").items()}
    shapes = {k: _numbers(v) for k, v in _pairs(given.shape, "--shape").items()}
    how = {"dims": dims, "shapes": shapes, "threads": given.threads}
    inputs = {k: np.load(v) for k, v in _pairs(given.input, "--input").items()}
    how_of = [{"threads": given.threads} if m.endswith(".goss") else how for m in given.models]
    models = [load(m, **h) for m, h in zip(given.models, how_of, strict=True)]
    report(
        models,
        given.output,
        original=load(given.original, **how) if given.original else None,
        recipe=pathlib.Path(given.recipe).read_text(encoding="utf-8") if given.recipe else None,
        inputs=inputs or None,
        seconds=given.seconds,
    )


def parser() -> argparse.ArgumentParser:
    out = argparse.ArgumentParser("gossamer", description="What the Python package adds.")
    out.add_argument("--version", action="version", version=f"gossamer {__version__}")
    verbs = out.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("report", help="write a page about models")
    verb.add_argument("models", nargs="+", metavar="MODEL", help=".onnx or .goss files")
    verb.add_argument("-o", "--output", required=True, help="the .html file to write")
    verb.add_argument("--original", help="the model whose answers are right")
    verb.add_argument("--recipe", help="the recipe to show, a YAML file")
    verb.add_argument("--dim", action="append", default=[], help="fix an open extent: batch=1")
    verb.add_argument("--shape", action="append", default=[], help="fix a shape: x=1x3x224x224")
    verb.add_argument("--input", action="append", default=[], help="an input: NAME=FILE.npy")
    verb.add_argument("--seconds", type=float, default=1.0, help="how long to measure each model")
    verb.add_argument("--threads", type=int, default=0, help="0: as many as this process may use")
    verb.set_defaults(run=_report)
    return out


# As the tool of the C++ side ends.
_EXIT = {"usage": 2, "malformed": 4, "limit": 7, "unsupported": 8, "io": 9, "internal": 10}


def main() -> int:
    given = parser().parse_args()
    try:
        given.run(given)
    except (Error, OSError, ValueError) as error:
        message = getattr(error, "message", None) or str(error)
        print(f"gossamer: error: {message}", file=sys.stderr)
        if getattr(error, "hint", ""):
            print(f"gossamer: hint: {error.hint}", file=sys.stderr)
        return _EXIT.get(getattr(error, "code", "io"), 1)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
