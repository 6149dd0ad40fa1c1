#!/usr/bin/env python3
# Holds the rules that a pattern can see: library rooms neither throw, abort, exit nor print; memory has owners;
# each file opens with its role; text is plain; rooms are on the map; no path of one machine is committed.
import re
import sys

import tree

# What no room but cli may say, tests aside: (pattern over code without comments and strings, why).
LIBRARY_RULES = [
    (r"\bthrow\b", "the library does not throw: return a Status"),
    (r"\b(?:std::)?(?:abort|terminate|_?exit|quick_exit)\s*\(", "the library never ends its process: return a Status"),
    (r"\bstd::(?:cout|cerr|clog)\b|#\s*include\s*<iostream>", "the library does not print"),
    (r"(?<!\w)(?:std::)?(?:v?f?printf|f?puts|putchar|perror)\s*\(|\bfmt::print\w*\b", "the library does not print"),
    (r"\bnew\s+[\w:(]", "no naked new: use make_unique or a container"),
    (r"\bdelete\s*(?:\[\s*\]\s*)?[\w:(*]", "no naked delete: use an owner"),
]
# What no file may hold. Written in pieces, so that this file does not match itself.
EVERYWHERE_RULES = [
    (r"(?<![\w.$}~-])/" + r"(?:work|root|home|tmp)/\w", "names a path of one machine"),
    (r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", "is unfinished: finish it, or say what is as it is"),
    (r"[^\x00-\x7f]", "has a character outside ASCII"),
]
TEXT = ("*.cc", "*.h", "*.def", "*.cmake", "*.txt", "*.md", "*.py", "*.sh", "*.json", "*.toml", "Makefile", "tools/*", ".ci/*")


def broken(name: str, text: str, rules: list[tuple[str, str]]) -> list[str]:
    found = []
    for pattern, why in rules:
        for match in re.finditer(pattern, text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{name}:{line}: `{match[0].strip()}`: {why}")
    return found


def opening(name: str, text: str) -> list[str]:
    """A C++ file opens with one to six lines of comment on its role; a bare // ends them, and details may follow."""
    lines = text.split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("// ")), len(lines))
    if 1 <= count <= 6:
        return []
    return [f"{name}:1: opens with {count} lines of comment; one to six should say its role"]


def header(name: str, text: str) -> list[str]:
    guarded = "#pragma once" in text or re.search(r"#ifndef (\w+)\n#define \1\b", text)
    return [] if guarded else [f"{name}: has no #pragma once"]


def map_of_rooms() -> list[str]:
    """ARCHITECTURE.md names every room that is there."""
    if not tree.files("ARCHITECTURE.md"):
        return []
    text = tree.read("ARCHITECTURE.md")
    there = sorted({room for name in tree.files("src/*") if (room := tree.room_of(name))})
    return [f"ARCHITECTURE.md: the room src/{room} is not on the map" for room in there if f"src/{room}" not in text]


def main() -> int:
    wrong = map_of_rooms()
    for name in tree.cpp_files():
        text = tree.read(name)
        wrong += opening(name, text)
        if name.endswith(".h"):
            wrong += header(name, text)
        if tree.room_of(name) not in (None, "cli") and not name.endswith("_test.cc"):
            wrong += broken(name, tree.code_only(text), LIBRARY_RULES)
    # Seeds of fuzz targets may hold anything.
    names = [name for name in tree.files(*TEXT) if not name.startswith("fuzz/corpus/")]
    for name in names:
        wrong += broken(name, tree.read(name), EVERYWHERE_RULES)
    print("\n".join(wrong) if wrong else f"rules: {len(names)} files keep them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
