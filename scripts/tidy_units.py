#!/usr/bin/env python3
"""Joins source files into few translation units for clang-tidy, most of whose time goes into headers.

    scripts/tidy_units.py <build directory> <file>...

Writes <build directory>/units/NAME.cc and compile commands for them, and prints the units, large ones
first. A unit's files have the same options, and no name in their unnamed namespaces twice. A file that
is compiled once per instruction set, or that has a main function, is a unit of its own: its own path is
printed. What cannot be joined after all is for the caller to check file by file.
"""

import json
import pathlib
import re
import shlex
import sys

LARGEST = 16  # files; more would leave one core with the last unit

DECLARED = re.compile(r"(?:class|struct|enum class|enum|union)\s+(\w+)|using\s+(\w+)\s*=|(\w+)\s*[=({\[;]")


def stands_alone(text):
    return "foreach_target.h" in text or re.search(r"^int main\(", text, re.MULTILINE) is not None


def private_names(text):
    """Names declared in unnamed namespaces: at the start of lines, as clang-format leaves them."""
    names = set()
    for namespace in re.findall(r"^namespace \{\n(.*?)^\}  // namespace$", text, re.MULTILINE | re.DOTALL):
        for line in namespace.splitlines():
            declared = DECLARED.search(line) if re.match(r"\w", line) else None
            if declared:
                names.add(next(filter(None, declared.groups())))
    return names


class Unit:
    def __init__(self):
        self.files = []
        self.names = set()


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    files = [pathlib.Path(name).resolve() for name in sys.argv[2:]]
    commands = {pathlib.Path(entry["file"]): entry
                for entry in json.loads((build / "compile_commands.json").read_text())}
    alone, units = [], {}
    for file in files:
        text = file.read_text()
        if file not in commands or stands_alone(text):
            alone.append(file)
            continue
        # What differs between files of one target is the source's and the object's name.
        command = shlex.split(commands[file]["command"])
        options = tuple(command[:command.index("-o")])
        names = private_names(text)
        of_target = units.setdefault(options, [])
        unit = next((unit for unit in of_target
                     if len(unit.files) < LARGEST and not unit.names & names), None)
        if unit is None:
            unit = Unit()
            of_target.append(unit)
        unit.files.append(file)
        unit.names |= names

    directory = build / "units"
    directory.mkdir(exist_ok=True)
    entries = []
    for options, of_target in units.items():
        for unit in of_target:
            path = directory / f"{len(entries)}.cc"
            path.write_text("".join(
                f'// NOLINTNEXTLINE(bugprone-suspicious-include)\n#include "{file}"\n' for file in unit.files))
            entries.append({"directory": str(build), "file": str(path), "files": len(unit.files),
                            "arguments": [*options, "-c", str(path)]})
    entries.sort(key=lambda entry: -entry.pop("files"))
    (directory / "compile_commands.json").write_text(json.dumps(entries, indent=1))
    for path in [entry["file"] for entry in entries] + alone:
        print(path)


if __name__ == "__main__":
    main()
