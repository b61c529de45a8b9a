"""`equipoise train --resume`: a run that was stopped in any way ends with the bits of one that was not.

The program under test is the one that EQUIPOISE_KILL can kill at a point (failing_program.cc).
"""

import os
import pathlib
import random
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import program
from made_images import make_images
from run_folder import checkpoints, everything, metrics

KEEP = 2
OPTIONS = ["resnet8", "--dropout", "0.2", "--crop", "random", "--padding", "2", "--flip", "0.5",
           "--batch", "32", "--epochs", "3", "--save-every", "3", "--log-every", "2",
           "--keep", str(KEEP), "--threads", "1", "--seed", "3"]


class Resume(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        cls.data = make_images(cls.root / "images")
        started = time.monotonic()
        done = cls.start(cls.root / "whole")
        cls.seconds = time.monotonic() - started
        assert done.returncode == 0, done.stderr
        cls.whole = everything(cls.root / "whole")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def command(cls, run):
        return [program.path(), "train", *OPTIONS, "--data", str(cls.data), "-o", str(run)]

    @classmethod
    def start(cls, run, **environment):
        return subprocess.run(cls.command(run), capture_output=True, check=False, encoding="utf-8",
                              env={**os.environ, **environment})

    @staticmethod
    def resume(run, limit=None, **environment):
        def set_limit():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        return subprocess.run([program.path(), "train", "--resume", str(run)], capture_output=True,
                              check=False, encoding="utf-8", env={**os.environ, **environment},
                              preexec_fn=set_limit)

    def finish(self, run, case):
        """Goes on with a run, or begins it anew where it had not come to its config.toml."""
        if not (run / "config.toml").exists():
            shutil.rmtree(run, ignore_errors=True)
            done = self.start(run)
        else:
            done = self.resume(run)
        self.assertEqual(done.returncode, 0, f"{case}: {done.stderr}")
        self.assertEqual(everything(run), self.whole, case)
        self.assertEqual(list(run.rglob("*.tmp")), [], case)
        shutil.rmtree(run)
        return done

    def test_keeps_the_newest_checkpoints_and_the_best(self):
        names = [path.name for path in checkpoints(self.root / "whole")]
        self.assertIn(len(names), (KEEP, KEEP + 1))
        self.assertEqual(names[-1], "step-00000024.safetensors")

    def test_killed_at_each_point_of_writing(self):
        run = self.root / "killed"
        for point in ("begin", "half", "written", "synced", "renamed", "remove"):
            for count in (1, 2, 4):
                case = f"{point}:{count}"
                killed = self.start(run, EQUIPOISE_KILL=case)
                self.assertEqual(killed.returncode, -signal.SIGKILL, f"{case}: {killed.stderr}")
                self.finish(run, case)

    def test_killed_at_random_moments(self):
        run = self.root / "random"
        rng = random.Random(7)
        kills, longest = 0, 0.6 * self.seconds
        while kills < 12:
            command = self.command(run)
            for _ in range(3):
                process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                time.sleep(rng.uniform(0, longest))
                process.kill()
                if process.wait() == -signal.SIGKILL:
                    kills += 1
                else:  # done already: the machine has become faster
                    longest *= 0.7
                if not (run / "config.toml").exists():
                    break
                command = [program.path(), "train", "--resume", str(run)]
            self.finish(run, "random moments")

    def test_killed_while_it_resumes(self):
        run = self.root / "again"
        for point in ("begin", "half", "renamed"):
            self.start(run, EQUIPOISE_KILL="renamed:5")
            # Its first file is metrics.jsonl, cut to the checkpoint's step.
            killed = self.resume(run, EQUIPOISE_KILL=f"{point}:1")
            self.assertEqual(killed.returncode, -signal.SIGKILL)
            self.finish(run, f"resumed, {point}")

    def test_damaged_checkpoints_are_passed_over(self):
        run = self.root / "damaged"
        for damage in ("flip", "truncate", "empty"):
            self.start(run, EQUIPOISE_KILL="begin:7")
            newest = checkpoints(run)[-1]
            data = bytearray(newest.read_bytes())
            if damage == "flip":
                data[len(data) // 2] ^= 1
            newest.write_bytes({"flip": data, "truncate": data[:-100], "empty": b""}[damage])
            done = self.finish(run, damage)
            self.assertIn(f"A checkpoint is passed over: '{newest}'", done.stderr)

    def test_interrupted_by_ctrl_c(self):
        run = self.root / "interrupted"
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(self.command(run), stderr=subprocess.PIPE, encoding="utf-8")
            while not (run / "metrics.jsonl").exists() or not metrics(run):
                time.sleep(0.001)
            process.send_signal(number)
            _, err = process.communicate()
            self.assertEqual(process.returncode, 128 + number, err)
            self.assertIn(f"To go on: equipoise train --resume {run}", err)
            self.finish(run, f"signal {number}")

    def test_a_full_disk_loses_no_checkpoint(self):
        run = self.root / "full"
        self.start(run, EQUIPOISE_KILL="begin:6")
        before = {path.name: path.read_bytes() for path in checkpoints(run)}
        size = len(next(iter(before.values())))
        done = self.resume(run, limit=size // 2)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot write to", done.stderr)
        self.assertIn(f"equipoise train --resume {run}", done.stderr)
        self.assertEqual({path.name: path.read_bytes() for path in checkpoints(run)}, before)
        self.finish(run, "full disk")

    def test_a_finished_run_stays_as_it_is(self):
        done = self.resume(self.root / "whole")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(everything(self.root / "whole"), self.whole)

    def test_takes_nothing_but_the_folder(self):
        done = subprocess.run([program.path(), "train", "--resume", str(self.root / "whole"), "--lr", "1"],
                              capture_output=True, check=False, encoding="utf-8")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--lr", done.stderr)
        done = self.resume(self.root / "images")
        self.assertEqual(done.returncode, 1)


program.main()
