# What the checks share: the files of the repository, the table of rooms, C++ text without comments and strings.
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def files(*patterns: str) -> list[str]:
    """Paths (from the root) of the files that are committed or about to be, matching git's patterns."""
    command = ["git", "ls-files", "-z", "-co", "--exclude-standard", "--", *patterns]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    return sorted({name for name in out.split("\0") if name and (ROOT / name).is_file()})


def cpp_files() -> list[str]:
    return files("*.cc", "*.h")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def rooms() -> dict[str, list[str]]:
    """The table of src/rooms.txt: for each room the rooms that it names."""
    table = {}
    for line in read("src/rooms.txt").splitlines():
        if match := re.match(r"([a-z_]+):([^|]*)", line):
            table[match[1]] = match[2].split()
    return table


def room_of(name: str) -> str | None:
    """The room that a path belongs to; None outside src."""
    parts = name.split("/")
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


# Raw strings, then comments, strings and characters; a quote between digits separates them (1'000) and is none.
_SKIPPED = re.compile(
    r'R"([^()\\\s]{0,16})\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def code_only(text: str) -> str:
    """C++ text with comments, strings and characters blanked out, line numbers kept."""
    return _SKIPPED.sub(lambda m: "\n" * m[0].count("\n") or " ", text)
