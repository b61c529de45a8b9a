"""Checks that every #include points the way that rooms.txt allows.

    include_direction.py <repository>

src/<room>/       sees its own room, the rooms it may include, and the public headers of all these.
include/          sees the standard library and public headers of its own room and of rooms it may include.
apps/, examples/  see public headers, and files of their own folder.

A public header belongs to the room that lists it under PUBLIC_HEADERS (src/<room>/CMakeLists.txt).
"""

import pathlib
import re
import sys

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
PUBLIC_HEADERS = re.compile(r"PUBLIC_HEADERS((?:\s+\S+\.h)+)")


class Rules:
    def __init__(self, root: pathlib.Path, table: str):
        direct, self.room_of_library, self.room_of_header = {}, {}, {}
        for line in table.splitlines():
            if line.startswith("#"):
                continue
            (room,), uses, libraries = (column.split() for column in line.split("|"))
            direct[room] = uses
            self.room_of_library.update(dict.fromkeys(libraries, room))
        self.reachable = {room: closure(room, direct) for room in direct}
        for room in direct:
            lists = root / "src" / room / "CMakeLists.txt"
            if lists.exists() and (match := PUBLIC_HEADERS.search(lists.read_text("utf-8"))):
                self.room_of_header.update(dict.fromkeys(match[1].split(), room))

    def violations(self, file: pathlib.PurePath, lines):
        """Yields (line number, broken rule) for the file, whose path is relative to the root."""
        folder, room = file.parts[0], None  # apps and examples are in no room
        if folder == "src":
            room = file.parts[1]
            if room not in self.reachable:
                yield 1, f"room '{room}' is not in tests/repository/rooms.txt"
                return
        if folder == "include":
            room = self.room_of_header.get(file.name)
            if room is None:
                yield 1, "no room lists this header under PUBLIC_HEADERS (src/<room>/CMakeLists.txt)"
                return
        for number, line in enumerate(lines, 1):
            if match := INCLUDE.match(line):
                rule = self._broken_by(folder, room, quoted=match[1] == '"', target=match[2])
                if rule:
                    yield number, rule

    def _broken_by(self, folder: str, room: str, quoted: bool, target: str):
        first = target.split("/")[0]
        if first == "equipoise":
            owner = self.room_of_header.get(target.removeprefix("equipoise/"))
            if owner is None:
                return f"no room lists {target} under PUBLIC_HEADERS (src/<room>/CMakeLists.txt)"
            if room and owner not in self.reachable[room]:
                return f"'{room}' may not include '{owner}', to which {target} belongs"
        elif first in self.reachable:
            if folder != "src":
                return f"{folder}/ sees public headers alone, not those of room '{first}'"
            if first not in self.reachable[room]:
                return f"'{room}' may not include '{first}'"
        elif folder == "include" and not re.fullmatch(r"[a-z0-9_]+", target):
            return "a public header includes the standard library and public headers alone"
        elif folder == "src" and quoted:
            return 'write "room/header.h" for a header of the project, <…> for any other'
        else:
            owner = self.room_of_library.get(re.split(r"[/._]", target)[0])
            if owner and room != owner:
                return f"only room '{owner}' includes <{target}>"
        return None


def closure(room, direct):
    """The room itself and every room that it may include, directly or through another."""
    seen, todo = set(), [room]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.add(current)
            todo.extend(direct[current])
    return seen


def check(root: pathlib.Path):
    """One line, file:line: rule, for every include that breaks a rule."""
    table = pathlib.Path(__file__).with_name("rooms.txt").read_text("utf-8")
    rules = Rules(root, table)
    found = []
    for folder in ("include", "src", "apps", "examples"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in {".h", ".cc"}:
                file = path.relative_to(root)
                lines = path.read_text("utf-8").splitlines()
                found += [f"{file}:{n}: {rule}" for n, rule in rules.violations(file, lines)]
    return found


if __name__ == "__main__":
    broken = check(pathlib.Path(sys.argv[1]))
    print("\n".join(broken))
    sys.exit(1 if broken else 0)
