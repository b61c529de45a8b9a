"""`equipoise train --resume`: a run that was stopped in any way ends with the bits of one that was not.

The program under test is the one that EQUIPOISE_KILL can kill at a point (failing_program.cc).
"""

import fcntl
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
from run_folder import checkpoints, content, everything, metrics

KEEP = 2
TRAINING = ["resnet8", "--dropout", "0.2", "--crop", "random", "--padding", "2", "--flip", "0.5",
            "--batch", "32", "--epochs", "3", "--save-every", "3", "--evaluate-every", "2", "--log-every", "2",
            "--keep", str(KEEP), "--seed", "3"]
OPTIONS = [*TRAINING, "--threads", "1"]


class Runs:
    """A run that was not interrupted, and what starts and resumes others."""

    OPTIONS = OPTIONS

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
        return [program.path(), "train", *cls.OPTIONS, "--data", str(cls.data), "-o", str(run)]

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
            done = self.start(run)
        else:
            done = self.resume(run)
        self.assertEqual(done.returncode, 0, f"{case}: {done.stderr}")
        self.assertEqual(everything(run), self.whole, case)
        self.assertEqual(list(run.rglob("*.tmp")), [], case)
        shutil.rmtree(run)
        return done


class Resume(Runs, unittest.TestCase):
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
        # One that is killed while it writes what gcc's coverage counts would spoil the counts of all.
        environment = {**os.environ, "GCOV_PREFIX": str(self.root / "coverage")}
        while kills < 12:
            command = self.command(run)
            for _ in range(3):
                process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
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
        run = self.root / "it is interrupted"
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen(self.command(run), stderr=subprocess.PIPE, encoding="utf-8")
            while not (run / "metrics.jsonl").exists() or not metrics(run):
                time.sleep(0.001)
            process.send_signal(number)
            time.sleep(0.02)  # two that are pending are one
            process.send_signal(number)  # as `timeout` does, which is not to end it unsaved
            _, err = process.communicate()
            self.assertEqual(process.returncode, 128 + number, err)
            self.assertIn(f"To go on: equipoise train --resume '{run}'\n", err)
            self.finish(run, f"signal {number}")

    def test_a_second_ctrl_c_ends_what_does_not_come_to_its_end(self):
        run = self.root / "it hangs"
        # Of standard error that nobody reads, a page is enough to wait for ever.
        process = subprocess.Popen([program.path(), "train", "mlp", "--hidden=4", "--epochs=100000", "--save-every=1000000",
                                    "--data", str(self.data), "-o", str(run)], stderr=subprocess.PIPE)
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
        while not (run / "metrics.jsonl").exists() or time.time() - (run / "metrics.jsonl").stat().st_mtime < 1:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        time.sleep(2.1)  # longer than what counts as one
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.communicate()
        self.assertEqual(process.returncode, -signal.SIGINT)

    def test_stopped_at_the_end_of_an_epoch_and_killed_in_its_next_save(self):
        run = self.root / "twice"
        for point in ("begin", "written"):
            # Its seventh line of metrics is that of step 8, the last of the first epoch.
            stopped = self.start(run, EQUIPOISE_INTERRUPT="appended:7")
            self.assertEqual(stopped.returncode, 128 + signal.SIGINT, stopped.stderr)
            self.assertEqual([(line["step"], line["split"]) for line in metrics(run)][-1], (8, "training"))
            # Its first file is metrics.jsonl; then come those of the epoch.
            killed = self.resume(run, EQUIPOISE_KILL=f"{point}:2")
            self.assertEqual(killed.returncode, -signal.SIGKILL, killed.stderr)
            self.assertEqual([(line["step"], line["split"]) for line in metrics(run)][-1], (8, "validation"))
            self.finish(run, point)

    def test_stopped_while_a_variant_is_set_up(self):
        folder = self.root / "varied"
        options = ["mlp", "--epochs=1", "--batch=32", "--threads=1", "--data", str(self.data), "-o", str(folder)]
        # Its first file is vary.toml, its second the config.toml of the first variant.
        stopped = subprocess.run([program.path(), "train", *options, "--vary=norm=batch,none"], capture_output=True,
                                 check=False, encoding="utf-8", env={**os.environ, "EQUIPOISE_INTERRUPT": "renamed:2"})
        self.assertEqual(stopped.returncode, 128 + signal.SIGINT, stopped.stderr)
        self.assertEqual(metrics(folder / "norm=batch"), [])
        self.assertEqual(checkpoints(folder / "norm=batch"), [])
        done = self.resume(folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line["step"] for line in metrics(folder / "norm=batch")], [8, 8])

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
        for name, *given in (("--lr", "--lr=1"), ("MODEL", "resnet8"), ("MODEL", "--model=resnet8"), ("--output", "-o", "x"),
                             ("--config", "--config=absent.toml")):
            done = subprocess.run([program.path(), "train", *given, "--resume", str(self.root / "whole")],
                                  capture_output=True, check=False, encoding="utf-8")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{name}: a run goes on with what it was started with", done.stderr)
        done = self.resume(self.root / "images")
        self.assertEqual(done.returncode, 1)


class ResumeOfAverages(Runs, unittest.TestCase):
    """Steps of several batches, clipped, whose weights are averaged."""

    OPTIONS = [*OPTIONS, "--accumulate", "2", "--clip-norm", "0.5", "--ema", "0.9", "--ema-recalibrate", "100"]

    def test_killed_at_points_of_writing(self):
        run = self.root / "killed"
        for case in ("begin:1", "half:3", "synced:4", "renamed:2", "renamed:5"):
            killed = self.start(run, EQUIPOISE_KILL=case)
            self.assertEqual(killed.returncode, -signal.SIGKILL, f"{case}: {killed.stderr}")
            self.finish(run, case)

    def test_the_whole_run_has_averages(self):
        lines, _ = self.whole
        self.assertEqual([line["step"] for line in lines if line["split"] == "validation_ema"], [4, 8, 12])


class ResumeOfAdamW(Runs, unittest.TestCase):
    """Moments and the count of updates go on, with several threads, and where memory is saved."""

    OPTIONS = [*TRAINING, "--threads", "2", "--optimizer", "adamw", "--memory", "lean"]

    def test_killed_at_points_of_writing(self):
        run = self.root / "killed"
        for case in ("begin:2", "half:3", "synced:4", "renamed:2", "renamed:5"):
            killed = self.start(run, EQUIPOISE_KILL=case)
            self.assertEqual(killed.returncode, -signal.SIGKILL, f"{case}: {killed.stderr}")
            self.finish(run, case)

    def test_checkpoints_have_the_moments(self):
        _, tensors = content(checkpoints(self.root / "whole")[-1])
        self.assertEqual({name.rpartition(".")[2] for name in tensors if "exp_avg" in name}, {"exp_avg", "exp_avg_sq"})


class ResumeByTimes(Runs, unittest.TestCase):
    """A run that is planned by measured times keeps them, and goes on by its own."""

    @classmethod
    def command(cls, run):
        return [*super().command(run), "--plan", str(cls.root / "times.json")]

    def test_the_run_has_the_times_of_all_its_plans(self):
        self.assertEqual((self.root / "whole/plan.json").read_bytes(), (self.root / "times.json").read_bytes())

    def test_killed_at_points_of_writing(self):
        run = self.root / "killed"
        times = self.root / "times.json"
        kept = times.read_bytes()
        for case in ("half:1", "renamed:1", "begin:2", "renamed:2", "renamed:5"):
            killed = self.start(run, EQUIPOISE_KILL=case)
            self.assertEqual(killed.returncode, -signal.SIGKILL, f"{case}: {killed.stderr}")
            if (run / "config.toml").exists():
                times.unlink()
            self.finish(run, case)
            self.assertEqual(times.exists(), case in ("half:1", "renamed:1", "begin:2"), case)
            times.write_bytes(kept)


program.main()
