#!/usr/bin/env python3
# Holds the includes between rooms to src/rooms.txt: a room includes itself, the rooms it names, and theirs.
# Public headers (include/gossamer) include no room; fuzz/ may include any.
import re
import sys

import tree

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def closure(table: dict[str, list[str]]) -> dict[str, set[str]]:
    """For each room all rooms that it may include, itself among them. Raises ValueError on a wrong table."""
    reach: dict[str, set[str]] = {}
    for room, used in table.items():
        reach[room] = {room}
        for other in used:
            # Rooms stand in the table after those they use, so a circle cannot be written.
            if other not in reach or other == room:
                raise ValueError(f"src/rooms.txt: {room} names {other}, which no line above it defines")
            reach[room] |= reach[other]
    return reach


def main() -> int:
    try:
        reach = closure(tree.rooms())
    except ValueError as error:
        print(error)
        return 1
    wrong = []
    for name in tree.files("src/*.cc", "src/*.h", "src/*.def", "include/*.h"):
        room = tree.room_of(name)
        if room and room not in reach:
            wrong.append(f"{name}: the room {room} is not in src/rooms.txt")
            continue
        allowed = reach[room] if room else set()
        text = tree.read(name)
        for match in INCLUDE.finditer(text):
            target = match[1].split("/")[0]
            if target in reach and target not in allowed:
                line = text.count("\n", 0, match.start()) + 1
                wrong.append(f"{name}:{line}: {room or 'a public header'} may not include {match[1]} (see src/rooms.txt)")
            elif ".." in match[1].split("/"):
                wrong.append(f"{name}: include {match[1]} by its path from src/")
    print("\n".join(wrong) if wrong else f"includes: {len(reach)} rooms, one way")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
