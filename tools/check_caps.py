#!/usr/bin/env python3
# Holds sizes: a file has at most 800 lines, a function at most 150, and nine functions of ten at most 50.
# Tables are exempt: .def files by their kind, others by a line in tools/caps_exempt.txt with the reason.
import ast
import fnmatch
import json
import statistics
import subprocess
import sys

import tree

FILE_CAP = 800
FUNCTION_CAP = 150
FUNCTION_P90 = 50


def exempt_patterns() -> list[str]:
    """Patterns of the files that are tables. Exits when a line gives no reason."""
    patterns = []
    for line in tree.read("tools/caps_exempt.txt").splitlines():
        words = line.split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        if len(words) < 2:
            sys.exit(f"tools/caps_exempt.txt: {words[0]} has no reason")
        patterns.append(words[0])
    return patterns


def cpp_functions(names: list[str]) -> list[tuple[int, str]]:
    """(lines, where) of each C++ function that ctags finds."""
    if not names:
        return []
    command = ["ctags", "--languages=C++", "--map-C++=+.h", "--kinds-C++=f", "--fields=+ne", "--output-format=json",
               "-o", "-", "-L", "-"]
    done = subprocess.run(command, cwd=tree.ROOT, input="\n".join(names), capture_output=True, check=True, text=True)
    found = []
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        if "end" in tag:
            found.append((tag["end"] - tag["line"] + 1, f"{tag['path']}:{tag['line']}: {tag['name']}"))
    return found


def python_functions(names: list[str]) -> list[tuple[int, str]]:
    found = []
    for name in names:
        for node in ast.walk(ast.parse(tree.read(name), name)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                found.append((node.end_lineno - node.lineno + 1, f"{name}:{node.lineno}: {node.name}"))
    return found


def main() -> int:
    patterns = exempt_patterns()

    def counted(names: list[str]) -> list[str]:
        return [n for n in names if not any(fnmatch.fnmatch(n, p) for p in patterns)]

    cpp = counted(tree.cpp_files())
    python = counted(tree.files("*.py"))
    sizes = {name: tree.read(name).count("\n") for name in cpp + python + counted(tree.files("tools/*", "cmake/*"))}
    wrong = [f"{name}: {n} lines, at most {FILE_CAP}" for name, n in sizes.items() if n > FILE_CAP]

    functions = sorted(cpp_functions(cpp) + python_functions(python), reverse=True)
    wrong += [f"{where} has {n} lines, at most {FUNCTION_CAP}" for n, where in functions if n > FUNCTION_CAP]
    p90 = functions[len(functions) // 10][0] if functions else 0
    if p90 > FUNCTION_P90:
        wrong.append(f"a tenth of the functions has more than {p90 - 1} lines, at most {FUNCTION_P90}; the longest:")
        wrong += [f"  {where} has {n}" for n, where in functions[:10]]

    print(f"caps: {len(sizes)} files, median {statistics.median(sizes.values()):.0f} lines; "
          f"{len(functions)} functions, p90 {p90} lines, longest {functions[0][0] if functions else 0}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
