#!/usr/bin/env python3
# Runs clang-tidy-19 over the C++ sources that changed since a base, or that include a header that did; --all for
# every source. Tests are left out: GoogleTest's headers cost more time than the rest together. A source whose text, headers and rules are as when it was last found clean is not run again.
import argparse
import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
import time

import tree

CLEAN = tree.ROOT / ".cache" / "tidy"
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=tree.ROOT, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def default_base() -> str:
    """Where the branch left origin/main; the commit before this one on main itself; else the empty tree."""
    head = git("rev-parse", "HEAD")
    base = git("merge-base", "HEAD", "origin/main")
    if base is None or base == head:
        base = git("rev-parse", "--verify", "-q", "HEAD~1")
    return base or git("hash-object", "-t", "tree", "/dev/null")


def headers_of(name: str, known: dict[str, set[str]]) -> set[str]:
    """All headers of the repository that a file includes, directly or not."""
    if name not in known:
        known[name] = set()
        for target in INCLUDE.findall(tree.read(name)):
            for path in (f"src/{target}", f"include/{target}"):
                if (tree.ROOT / path).is_file():
                    known[name] |= {path} | headers_of(path, known)
    return known[name]


def changed_sources(base: str, sources: list[str], known: dict[str, set[str]]) -> list[str]:
    """The sources that changed since the base, then one includer for each changed header that none of them includes."""
    changed = set((git("diff", "--name-only", base) or "").split("\n"))
    changed |= set((git("ls-files", "-o", "--exclude-standard") or "").split("\n"))
    chosen = [name for name in sources if name in changed]
    headers = {name for name in tree.files("src/*.h", "src/*.def", "include/*.h") if name in changed}
    for name in chosen:
        headers -= headers_of(name, known)
    for name in sources:
        if headers & headers_of(name, known):
            chosen.append(name)
            headers -= headers_of(name, known)
    return chosen


def fingerprint(name: str, known: dict[str, set[str]]) -> str:
    digest = hashlib.sha256(tree.read(".clang-tidy").encode())
    for path in [name, *sorted(headers_of(name, known))]:
        digest.update(path.encode() + b"\0" + tree.read(path).encode() + b"\0")
    return digest.hexdigest()


def lint(name: str, build: str, deadline: float) -> tuple[str, str, str]:
    """(name, clean | wrong | unseen, what clang-tidy said)."""
    left = deadline - time.monotonic()
    if left <= 0:
        return name, "unseen", ""
    command = ["clang-tidy-19", "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option",
               "--extra-arg=-Wno-unused-command-line-argument", name]
    try:
        done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, timeout=left)
    except subprocess.TimeoutExpired:
        return name, "unseen", ""
    if done.returncode == 0:
        return name, "clean", ""
    return name, "wrong", done.stdout + done.stderr


def main() -> int:
    parser = argparse.ArgumentParser(description="clang-tidy over what changed")
    parser.add_argument("--all", action="store_true", help="look at every source")
    parser.add_argument("--base", default=os.environ.get("TIDY_BASE"), help="commit to compare with")
    parser.add_argument("--build", default="build", help="folder with compile_commands.json")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("TIDY_SECONDS", "80")),
                        help="start nothing after so long, and say what was left out")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS", os.cpu_count() or 1)))
    options = parser.parse_args()

    known: dict[str, set[str]] = {}
    sources = tree.files("src/*.cc", "fuzz/*.cc")
    compiled = (tree.ROOT / options.build / "compile_commands.json").read_text()
    sources = [name for name in sources if f'/{name}"' in compiled and not name.endswith("_test.cc")]
    chosen = sources if options.all else changed_sources(options.base or default_base(), sources, known)

    CLEAN.mkdir(parents=True, exist_ok=True)
    marks = {name: CLEAN / fingerprint(name, known) for name in chosen}
    waiting = [name for name in chosen if not marks[name].exists()]
    seconds = 24 * 3600 if options.all else options.seconds
    deadline = time.monotonic() + seconds
    results: dict[str, list[str]] = {"clean": [], "wrong": [], "unseen": []}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, state, said in pool.map(lambda name: lint(name, options.build, deadline), waiting):
            results[state].append(name)
            if state == "clean":
                marks[name].touch()
            print(said, end="")
    print(f"tidy: {len(chosen)} of {len(sources)} sources, {len(chosen) - len(waiting)} known to be clean, "
          f"{len(results['clean'])} clean, {len(results['wrong'])} wrong")
    if results["unseen"]:
        print(f"tidy: out of time, NOT looked at: {' '.join(results['unseen'])}; run tools/tidy.py --all")
    return 1 if results["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
