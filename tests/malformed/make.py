#!/usr/bin/env python3
# All malformed models, each named after its mistake. Imported, it offers CASES; started as `python
# -m malformed.make DIR` from tests/ it writes them into DIR, one folder a case, to look at by hand
# or to feed a fuzzer.
import pathlib
import sys

from . import bombs, files, graphs, nodes  # noqa: F401  (each adds its cases)
from .cases import CASES

if __name__ == "__main__":
    for case in CASES:
        folder = pathlib.Path(sys.argv[1]) / case.name
        folder.mkdir(parents=True)
        case.build(folder)
