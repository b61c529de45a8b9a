"""`--help`: of every command, and in each an example that is one."""

import re
import shlex
import unittest

from program import Run, main


def commands(*parents):
    """Every command that a help lists, those of commands with others below them included."""
    text = Run(*parents, "--help").out
    listed = re.search(r"(?m)^Commands:\n((?:  .*\n)+)", text)
    if listed is None:
        return
    for name in re.findall(r"(?m)^  (\w+) ", listed[1]):
        yield (*parents, name)
        yield from commands(*parents, name)


class Help(unittest.TestCase):
    def test_there_are_commands(self):
        self.assertLessEqual({("train",), ("evaluate",), ("predict",), ("inspect",), ("bench",), ("bench", "train")},
                             set(commands()))

    def test_every_command_has_an_example(self):
        for command in commands():
            with self.subTest(command=command):
                done = Run(*command, "--help")
                self.assertEqual((done.code, done.err), (0, ""))
                self.assertIn(f"Usage: equipoise {' '.join(command)}", done.out)
                self.assertTrue(list(self.examples(command)), done.out)

    def test_the_options_of_examples_are_there(self):
        for command in commands():
            text = Run(*command, "--help").out
            for example in self.examples(command):
                used = example[1 + len(command):]
                if command == ("bench",):
                    text += Run(*example[1:3], "--help").out
                for option in (word.partition("=")[0] for word in used if word.startswith("-")):
                    self.assertRegex(text, rf"(?m)^ +(\S+,)?{option}\b", shlex.join(example))

    @staticmethod
    def examples(command):
        for line in Run(*command, "--help").out.splitlines():
            if line.startswith(f"  equipoise {' '.join(command)} "):
                yield shlex.split(line)


main()
