"""`bench/run step`: who is measured, and what is said of them; not how fast they are."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON = "/usr/bin/python3"
_build = pathlib.Path(sys.argv.pop(1)).parent

TORCH = subprocess.run([PYTHON, "-c", "import torch"], capture_output=True, check=False).returncode == 0


def step(*arguments):
    return subprocess.run(
        [PYTHON, ROOT / "bench" / "run", "step", "--build", _build, "--rounds", "1", "--seconds", "0.01",
         "--threads", "1", "--models", "resnet8", *arguments],
        capture_output=True, check=False, encoding="utf-8")


def rows(*arguments):
    done = step("--json", *arguments)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)["rows"]


class Step(unittest.TestCase):
    def test_every_allocator_and_option_of_pytorch_has_a_row(self):
        if not TORCH:
            self.assertNotIn("EQUIPOISE_REQUIRE_ORACLES", os.environ)
            self.skipTest("no PyTorch")
        measured = rows("--modes", "infer", "--batches", "2", "--optimize", "--compile",
                        "--python", PYTHON)
        self.assertEqual([row["peer_options"][1:] for row in measured],
                         [[], ["tuned malloc"], ["optimize"], ["optimize", "tuned malloc"]])
        for row in measured:
            self.assertIn(row["peer_options"][0], ("contiguous", "channels_last"))
            self.assertEqual((row["model"], row["mode"], row["batch"], row["size"], row["threads"]),
                             ("resnet8", "infer", 2, 28, 1))
            self.assertAlmostEqual(row["ratio"], row["peer_ms"] / row["ours_ms"])
            self.assertGreater(row["ours_mib"], 1)
            self.assertGreater(row["peer_mib"], 1)

    def test_without_pytorch_ours_and_the_floor_stand_alone(self):
        measured = rows("--modes", "train", "--batches", "2", "3", "--python", "/bin/false")
        self.assertEqual([(row["batch"], row["memory_mode"]) for row in measured],
                         [(2, "default"), (2, "lean"), (3, "default"), (3, "lean")])
        for row in measured:
            self.assertEqual(
                set(row),
                {"model", "mode", "batch", "size", "threads", "memory_mode", "floor_ms", "peer", "peer_version",
                 "peer_options", "ours_ms", "peer_ms", "ratio", "ours_mib", "peer_mib"})
            self.assertGreater(row["floor_ms"], 0)
            self.assertGreater(row["ours_ms"], 0)
            self.assertEqual((row["peer"], row["peer_ms"], row["ratio"]), (None, None, None))

    def test_a_table_is_for_people(self):
        done = step("--modes", "infer", "--batches", "2", "--python", "/bin/false")
        self.assertRegex(done.stdout, r"resnet8 +infer +default +2 ")
        self.assertIn("left out: /bin/false has neither", done.stderr)


unittest.main()
