"""Runs the program for tests: a test file calls `main()`, with the program's path as its argument."""

import json
import os
import subprocess
import sys
import unittest

_program = None


class Run:
    """What a run of the program came to."""

    def __init__(self, *arguments, stdout=subprocess.PIPE, cwd=None, **environment):
        done = subprocess.run(
            [_program, *arguments], stdout=stdout, stderr=subprocess.PIPE, check=False, cwd=cwd,
            env={**os.environ, **environment}, encoding="utf-8")
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def document(self):
        """The one JSON document of standard output."""
        return json.loads(self.out)


def path():
    """The program, for tests that run it in ways of their own."""
    return _program


def main():
    global _program
    _program = os.path.abspath(sys.argv.pop(1))
    unittest.main()
