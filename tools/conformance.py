#!/usr/bin/env python3
# Runs the ONNX test cases through `gossamer check --suite` and judges the answers: every case of
# tests/conformance/passes.txt must still pass, and none may be wrong, fail with an error or crash
# the tool. Refusing a case is allowed. --update adds new passes to the list and rewrites
# docs/conformance.md.
import argparse
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import in_venv

in_venv.ensure()

import onnx

ROOT = pathlib.Path(__file__).resolve().parent.parent
PASSES = ROOT / "tests" / "conformance" / "passes.txt"
EXCEPTIONS = ROOT / "tests" / "conformance" / "exceptions.txt"
REPORT = ROOT / "docs" / "conformance.md"
STATUSES = ("pass", "refused", "wrong", "error", "crash")
# Operators that cases add around the one they are about.
HELPERS = {"Constant", "Identity", "Cast", "Shape", "SequenceConstruct", "Optional"}
SEVERAL = "several operators"


class Result:
    """What became of one case. `why` is empty for a pass."""

    def __init__(self, status: str, why: str = "") -> None:
        self.status, self.why = status, why


def all_cases(suite: pathlib.Path) -> list[str]:
    return sorted(str(p.parent.relative_to(suite)) for p in suite.rglob("model.onnx"))


def run_once(tool: str, suite: pathlib.Path, seconds: float) -> tuple[dict[str, Result], str]:
    """Results by case of one process over a whole suite, and how the process ended ("" when
    well)."""
    ending = ""
    try:
        done = subprocess.run(
            [tool, "check", "--suite", suite, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=seconds,
        )
        output = done.stdout
        if done.returncode < 0:
            ending = f"killed by signal {-done.returncode}"
        elif done.returncode not in (0, 1):
            ending = f"exit code {done.returncode}: {(done.stderr.strip().splitlines() or [''])[0]}"
    except subprocess.TimeoutExpired as e:
        output, ending = (
            (e.stdout or b"").decode(errors="replace"),
            f"no end within {seconds:.0f} s",
        )
    results = {}
    for line in output.splitlines():
        try:
            row = json.loads(line)
            results[row["case"]] = Result(row["status"], row.get("why", ""))
        except (ValueError, KeyError, TypeError):
            continue  # a line cut off by a crash
    return results, ending


def run_cases(tool: str, suite: pathlib.Path, cases: list[str]) -> dict[str, Result]:
    """Results of `cases`. What a process that ended early left out is run again in halves, down to
    the guilty case."""
    with tempfile.TemporaryDirectory() as folder:
        part = suite
        if cases != all_cases(suite):
            part = pathlib.Path(folder)
            for case in cases:
                shutil.copytree(suite / case, part / case)
        results, ending = run_once(tool, part, 30 + len(cases))
    left = [c for c in cases if c not in results]
    if len(cases) == 1 and left:
        return {cases[0]: Result("crash", ending or "no answer")}
    if left:
        middle = (len(left) + 1) // 2
        for half in (left[:middle], left[middle:]):
            if half:
                results |= run_cases(tool, suite, half)
    return {c: results[c] for c in cases}


def operators(path: pathlib.Path) -> list[str]:
    """Operator names of a model, subgraphs included; those of another domain as
    `domain.Operator`."""
    found = {}

    def visit(graph) -> None:
        for node in graph.node:
            domain = "" if node.domain in ("", "ai.onnx") else node.domain + "."
            found[domain + node.op_type] = None
            for attribute in node.attribute:
                for inner in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                    visit(inner)

    visit(onnx.load(path).graph)
    return list(found)


def subject(case: str, used: dict[str, list[str]]) -> str:
    """The operator that a case is about."""
    parent = case.split("_expanded")[0]
    names = used.get(parent, used[case])
    plain = [n for n in names if n not in HELPERS] or names
    if len(plain) == 1:
        return plain[0]
    flat = case.rpartition("/")[2].replace("_", "").lower()
    named = [n for n in plain if n.rpartition(".")[2].lower() in flat]
    return max(named, key=len) if named else SEVERAL


def report(results: dict[str, Result], used: dict[str, list[str]]) -> str:
    """docs/conformance.md: totals, then a row per operator."""
    rows = collections.defaultdict(lambda: {g: collections.Counter() for g in ("node", "stored")})
    reasons = collections.defaultdict(dict)
    totals = {g: collections.Counter() for g in ("node", "stored")}
    exceptions = read_exceptions()
    for case, result in results.items():
        group = case.split("/")[0]
        status = "wrong" if result.status in ("error", "crash") else result.status
        operator = subject(case, used)
        rows[operator][group][status] += 1
        totals[group][status] += 1
        if result.status != "pass":
            why = exceptions.get(case, result.why) if status == "wrong" else result.why
            reasons[operator][why.replace("|", "\\|").replace("\n", " ")] = None
    lines = [
        "# Conformance",
        "",
        "What the tool makes of the ONNX standard's own test cases with the reference executor: the node cases of the",
        "`onnx` package (opsets up to its newest) and the stored cases of Debian's libonnx-testdata (opsets 1 to 17).",
        "A case is refused when the tool says that it does not support it, and wrong when the values differ.",
        "`tools/conformance.py --update` writes this page.",
        "",
        "| cases | passed | refused | wrong |",
        "|---|---:|---:|---:|",
    ]
    cells = lambda counter: " | ".join(str(counter[s]) for s in ("pass", "refused", "wrong"))
    lines += [f"| {g} | {cells(totals[g])} |" for g in totals]
    lines += [
        "",
        "| operator | node: passed | refused | wrong | stored: passed | refused | wrong | why refused or wrong |",
        "|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for operator in sorted(rows, key=lambda o: (o == SEVERAL, "." in o, o.lower())):
        why = list(reasons[operator])
        text = "; ".join(why[:3]) + (f"; and {len(why) - 3} more" if len(why) > 3 else "")
        lines.append(
            f"| {operator} | {cells(rows[operator]['node'])} | {cells(rows[operator]['stored'])} | {text} |"
        )
    return "\n".join(lines) + "\n"


def read_passes(path: pathlib.Path) -> set[str]:
    if not path.exists():
        return set()
    return {
        line.strip()
        for line in path.read_text().splitlines()
        if line.strip() and not line.startswith("#")
    }


def read_exceptions() -> dict[str, str]:
    """Reasons by case, from lines `case: reason`."""
    lines = [line for line in EXCEPTIONS.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def write_passes(path: pathlib.Path, passes: set[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = "# Cases that pass, one a line. The list only grows: tools/conformance.py --update adds to it.\n"
    path.write_text(head + "".join(f"{case}\n" for case in sorted(passes)))


def judge(results: dict[str, Result], listed: set[str], exceptions: dict[str, str]) -> list[str]:
    """What is wrong, a line each."""
    complaints = []
    for case, result in sorted(results.items()):
        if result.status == "wrong" and case in exceptions and case not in listed:
            continue
        if result.status in ("wrong", "error", "crash") or result.status not in STATUSES:
            complaints.append(f"{case}: {result.status}: {result.why}")
        elif case in listed and result.status != "pass":
            complaints.append(f"{case}: passed before, now {result.status}: {result.why}")
    complaints += [
        f"{case}: listed in {PASSES.name}, but there is no such case"
        for case in sorted(listed - set(results))
    ]
    return complaints


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Runs the ONNX test cases and compares with the list of passes."
    )
    parser.add_argument(
        "suite",
        type=pathlib.Path,
        nargs="?",
        default=ROOT / ".cache" / "conformance",
        metavar="DIR",
        help="what tools/make_conformance wrote (default: .cache/conformance, made when missing)",
    )
    parser.add_argument(
        "--tool",
        default=os.environ.get("GOSSAMER", str(ROOT / "build" / "gossamer")),
        help="the gossamer to run",
    )
    parser.add_argument(
        "--passes", type=pathlib.Path, default=PASSES, help="the list of cases that pass"
    )
    parser.add_argument(
        "--report", type=pathlib.Path, default=REPORT, help="the page that --update writes"
    )
    parser.add_argument(
        "--update", action="store_true", help="add new passes to the list and write the page"
    )
    arguments = parser.parse_args()
    if subprocess.run(
        [sys.executable, ROOT / "tools" / "make_conformance", arguments.suite]
    ).returncode:
        return 1
    cases = all_cases(arguments.suite)
    try:
        results = run_cases(arguments.tool, arguments.suite, cases)
    except OSError as e:
        sys.exit(f"error: {arguments.tool}: {e.strerror}")
    listed = read_passes(arguments.passes)
    passed = {case for case, result in results.items() if result.status == "pass"}
    if arguments.update:
        write_passes(arguments.passes, listed | passed)
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        arguments.report.write_text(
            report(results, {c: operators(arguments.suite / c / "model.onnx") for c in cases})
        )
    for group in ("node", "stored"):
        count = collections.Counter(
            r.status for c, r in results.items() if c.startswith(group + "/")
        )
        print(f"{group}: " + ", ".join(f"{count[s]} {s}" for s in STATUSES))
    complaints = judge(results, listed, read_exceptions())
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    fresh = len(passed - listed)
    if fresh and not arguments.update:
        print(f"{fresh} cases pass that {arguments.passes.name} does not list; --update adds them")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
