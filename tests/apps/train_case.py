"""A folder of images and runs of an MLP with them, for tests of `equipoise train`."""

import pathlib
import tempfile
import unittest

from made_images import make_images
from program import Run

DEFAULTS = {"--hidden": "16", "--batch": "32", "--epochs": "2", "--log-every": "3", "--threads": "1"}


def mlp(*arguments):
    """An MLP, and what is not given otherwise."""
    given = {argument.partition("=")[0] for argument in arguments}
    return ["mlp", *(f"{key}={value}" for key, value in DEFAULTS.items() if key not in given), *arguments]


class Train(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.data = make_images(self.root / "images")
        self.folder = self.root / "run"

    def train(self, *arguments):
        return Run("train", *self.arguments(*arguments))

    def arguments(self, *more):
        return [*mlp(*more), "--data", str(self.data), "-o", str(self.folder)]

    def mistake(self, code, text, *arguments):
        """One line (but for the way to the help), and nothing is left behind."""
        done = Run("train", *arguments)
        self.assertEqual(done.code, code, done.err)
        self.assertEqual(done.out, "")
        self.assertIn(text, done.err)
        lines = [line for line in done.err.splitlines() if not line.startswith("See '")]
        self.assertEqual(len(lines), 1, done.err)
        self.assertFalse(self.folder.exists())


class Vary(Train):
    """Several runs, compared."""

    def vary(self, *more):
        done = self.train(*more)
        self.assertEqual(done.code, 0, done.err)
        return done
