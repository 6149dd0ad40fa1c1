#!/usr/bin/env python3
# Looks at what the *_level.cc files became: each object defines exactly one symbol that others see, its table, and
# no weak one. A weak symbol (an inline function of a header, say) holds a level's instructions, and the linker could
# pick it for code that must run on older machines. Takes the build folder; build/ by default.
import pathlib
import subprocess
import sys

import tree


def global_symbols(path: pathlib.Path) -> list[tuple[str, str]]:
    """Symbols that other objects may see, as (kind, name) with nm's letters."""
    out = subprocess.run(["nm", "-C", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    symbols = [line.split(maxsplit=2)[-2:] for line in out.splitlines()]
    return [(kind, name) for kind, name in symbols if kind.isupper() or kind in "uvw"]


def faults(path: pathlib.Path) -> list[str]:
    symbols = global_symbols(path)
    weak = [name for kind, name in symbols if kind in "uvwVW"]
    strong = [name for kind, name in symbols if kind not in "uvwVW"]
    found = [f"{path}: weak symbol {name}" for name in weak]
    if len(strong) != 1:
        found.append(f"{path}: defines {len(strong)} global symbols, not its table alone: {', '.join(strong) or 'none'}")
    return found


def main() -> int:
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    sources = tree.files("src/*_level.cc")
    wrong, count = [], 0
    for source in sources:
        objects = sorted(build.glob(f"CMakeFiles/*_v[0-9].dir/{source}.o"))
        if not objects:
            wrong.append(f"{source}: no object of it in {build}; build first")
        count += len(objects)
        for path in objects:
            wrong += faults(path)
    print("\n".join(wrong) if wrong else f"levels: {count} objects of {len(sources)} files define their tables alone")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
