"""`equipoise train --vary`, interrupted: it goes on to the same bits, or says why it does not."""

import shutil
import signal
import subprocess
import time

import program
from made_images import make_images
from program import Run, main
from run_folder import everything
from train_case import Vary, mlp


class Interrupted(Vary):
    def interrupted(self, how):
        """What a varied training leaves that is interrupted in its second run, and then resumed."""
        arguments = ["--vary=norm=batch,none,layer", "--epochs=30", "--save-every=3"]
        process = subprocess.Popen([program.path(), "train", *self.arguments(*arguments)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")
        while not list((self.folder / "norm=none" / "checkpoints").glob("*.safetensors")):
            self.assertIsNone(process.poll())
            time.sleep(0.001)
        process.send_signal(how)
        _, err = process.communicate()
        if how == signal.SIGINT:
            self.assertEqual(process.returncode, 130)
            self.assertIn(f"equipoise train --resume {self.folder}\n", err)
        self.assertFalse((self.folder / "norm=layer").exists())
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 0, done.err)
        resumed, self.folder = self.folder, self.root / "whole"
        self.vary(*arguments)
        for name in ("norm=batch", "norm=none", "norm=layer"):
            self.assertEqual(everything(resumed / name), everything(self.folder / name), name)

    def test_by_ctrl_c_it_goes_on_to_the_same_bits(self):
        self.interrupted(signal.SIGINT)

    def test_killed_it_goes_on_to_the_same_bits(self):
        self.interrupted(signal.SIGKILL)


class Resumed(Vary):
    def test_paths_of_variants_are_found_from_another_folder(self):
        make_images(self.root / "others", seed=2)
        made = Run("train", *mlp("--epochs=1"), "--data=images", "-o", "made", cwd=self.root)
        self.assertEqual(made.code, 0, made.err)
        (self.root / "elsewhere").mkdir()
        for key, first, second, common in (("data", "images", "others", "mlp"), ("model", "mlp", "made", "--data=images")):
            begun = Run("train", common, "--epochs=1", "--threads=1", f"--vary={key}={first},{second}", "-o", key,
                        cwd=self.root)
            self.assertEqual(begun.code, 0, begun.err)
            folder = self.root / key / f"{key}={second}"
            whole = everything(folder)
            shutil.rmtree(folder)  # as if it had not been begun yet
            done = Run("train", "--resume", str(self.root / key), "--json", cwd=self.root / "elsewhere")
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(everything(folder), whole)
            self.assertEqual(done.document()["variants"][1]["settings"], {key: second})

    def test_resumed_behind_its_end_it_says_the_same(self):
        first = self.vary("--vary=norm=batch,none", "--json").document()
        resumed = Run("train", "--resume", str(self.folder), "--json")
        self.assertNotIn("Going on", resumed.err)
        again = resumed.document()
        for document in (first, again):
            for variant in document["variants"]:
                for run in variant["runs"]:
                    del run["seconds"], run["waited_for_images"]
        self.assertEqual(first, again)

    def test_a_run_without_its_settings_is_not_removed(self):
        self.vary("--vary=norm=batch,none", "--epochs=1")
        run = self.folder / "norm=none"
        (run / "config.toml").unlink()
        before = everything(run)
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1, done.err)
        self.assertIn(f"'{run}' is there already, without a config.toml to go on by; move it away", done.err)
        self.assertEqual(everything(run), before)

    def test_a_run_that_was_stopped_before_its_settings_begins_anew(self):
        self.vary("--vary=norm=batch,none", "--epochs=1")
        run = self.folder / "norm=none"
        before = everything(run)
        for path in (*run.glob("checkpoints/*"), run / "config.toml", run / "model.onnx"):
            path.unlink()
        (run / "metrics.jsonl").write_text("")
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(run), before)

    def test_a_seed_that_is_none_is_named(self):
        self.vary("--vary=norm=batch,none", "--epochs=1", "--seeds=2")
        plan = self.folder / "vary.toml"
        text = plan.read_text()
        self.assertIn("\nseed = 0\n", text)
        plan.write_text(text.replace("\nseed = 0\n", "\nseed = \"x\"\n"))
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"vary.toml', line \d+: 'x' is not a whole number ≥ 0")

    def test_resumed_it_takes_no_options(self):
        self.vary("--vary=norm=batch,none", "--epochs=1")
        for option in ("--vary=norm=batch,none", "--seeds=2"):
            done = Run("train", "--resume", str(self.folder), option)
            self.assertEqual(done.code, 2)
            self.assertIn(f"{option.partition('=')[0]}: a run goes on with what it was started with", done.err)


if __name__ == "__main__":
    main()
