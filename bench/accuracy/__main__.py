#!/usr/bin/env python3
"""What 8-bit models lose: quantizes real models by `gossamer compress`, by onnxruntime's quantizer and by nncf on the
same samples, judges all in onnxruntime against the fp32 model on other samples, and prints the tables of
docs/accuracy.md.

    python3 bench/accuracy .cache/accuracy --rows classes,retrieval
"""
import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import in_venv

in_venv.ensure()

import pictures
import sentences
import speech
import text

ROWS = {
    "classes": pictures.classes,
    "reader": text.reader,
    "finder": text.finder,
    "orientation": text.orientation,
    "retrieval": sentences.retrieval,
    "voice": speech.voice,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="where downloads and models go")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / ".cache" / "models", help="of tools/fetch_models")
    options = parser.parse_args()
    unknown = set(options.rows.split(",")) - set(ROWS)
    if unknown:
        parser.error(f"no such rows: {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    options.folder.mkdir(parents=True, exist_ok=True)
    for row in options.rows.split(","):
        ROWS[row](options.folder, options.models)


if __name__ == "__main__":
    main()
