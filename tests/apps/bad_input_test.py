"""What the program says to what it cannot use: one clear line, the exit code that scripts go by, and nothing is lost
or left behind."""

import pathlib
import resource
import subprocess
import tempfile
import unittest

import program
from made_images import make_images, write_idx
from program import Run, main
from run_folder import checkpoints, everything

FAILED, USAGE = 1, 2
SMALL = ["mlp", "--hidden=8", "--epochs=1", "--batch=8", "--threads=1"]


def write_image(path, header, pixels=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + bytes(range(100, 100 + pixels)))


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        make_images(cls.root / "data", training=41, test=8)
        make_images(cls.root / "one", training=8, test=4, classes=1)
        no_pixels = make_images(cls.root / "no-pixels", training=8, test=4)
        write_idx(no_pixels / "train-images-idx3-ubyte", (8, 0, 0), [])
        no_labels = make_images(cls.root / "no-labels", training=8, test=4)
        (no_labels / "train-labels-idx1-ubyte").unlink()
        for label in "ab":
            for number in range(4):
                write_image(cls.root / "folder" / label / f"{number}.pgm", b"P5 4 4 255 ")
        write_image(cls.root / "folder/b/none.pgm", b"P5 0 4 255 ")
        write_image(cls.root / "one-folder/a/0.pgm", b"P5 4 4 255 ")
        (cls.root / "empty").mkdir()
        (cls.root / "text.onnx").write_text("text")
        (cls.root / "unknown.toml").write_text('model = "mlp"\nbatchs = 3\n')
        (cls.root / "nothing.toml").write_text("lr = []\n")
        done = Run("train", *SMALL, "--data=data", "-o", "first", cwd=cls.root)
        assert done.code == 0, done.err
        # Cut off in the middle.
        model = (cls.root / "first/model.onnx").read_bytes()
        (cls.root / "cut.onnx").write_bytes(model[:len(model) // 2])

    def test_each_is_one_line_and_leaves_nothing_behind(self):
        data = ["--data=data", "-o", "run"]
        image = "folder/a/0.pgm"
        for arguments, code, text in (
                # words
                (["trian", "resnet8", *data], USAGE, "there is no command 'trian'; did you mean 'train'?"),
                (["bench", "trian", "resnet8"], USAGE, "there is no command 'trian'; did you mean 'train'?"),
                (["train", "mlp", *data, "--bacth", "3"], USAGE, "there is no option '--bacth'; did you mean '--batch'?"),
                (["train", "mlp", *data, "--bacth=3"], USAGE, "there is no option '--bacth'; did you mean '--batch'?"),
                (["train", "mlp", *data, "--batch", "3", "--batch=4"], USAGE, "equipoise: --batch is given twice\n"),
                (["bench", "train", "mlp", *3 * ["--batch=3"]], USAGE, "equipoise: --batch is given 3 times\n"),
                (["train", "mlp", *data, "--norm", "bacth"], USAGE,
                 "--norm: 'bacth' is none of batch, group, instance, layer, none, rms; did you mean 'batch'?"),
                (["inspect", "mlp", "--mode=trainin"], USAGE, "--mode: 'trainin' is none of inference, training; did you mean"),
                (["inspect", "mlp", "resnet8"], USAGE, "'resnet8' is one argument too many"),
                # models
                (["train", "resnet21", *data], FAILED, "no model 'resnet21'; did you mean 'resnet20'"),
                (["inspect", "vgg12"], FAILED, "no model 'vgg12'; did you mean 'vgg11'"),
                (["bench", "infer", "resnt8"], FAILED, "did you mean 'resnet8'"),
                (["predict", "resnet8", image], USAGE, "is a network without weights"),
                *((command, FAILED, "it is no ONNX model")
                  for file in ("text.onnx", "cut.onnx")
                  for command in (["train", file, *data], ["evaluate", file, "--data=data"],
                                  ["predict", file, image], ["inspect", file], ["bench", "infer", file])),
                *((command, FAILED, "absent.onnx")
                  for command in (["train", "absent.onnx", *data], ["evaluate", "absent.onnx", "--data=data"],
                                  ["predict", "absent.onnx", image], ["inspect", "absent.onnx"])),
                (["predict", "absent", image], FAILED, "'absent' is neither a file nor the folder of a run"),
                (["predict", "first", "absent.png"], FAILED, "absent.png"),
                # data
                (["train", *SMALL, "--data=fashion-mnits", "-o", "run"], FAILED, "did you mean 'fashion-mnist'"),
                (["evaluate", "first", "--data=fashion-mnits"], FAILED, "did you mean 'fashion-mnist'"),
                (["train", *SMALL, "--data=absent", "-o", "run"], FAILED, "no folder 'absent'"),
                (["train", *SMALL, "--data=empty", "-o", "run"], FAILED, "'empty' holds no data set"),
                (["train", *SMALL, "--data=no-labels", "-o", "run"], FAILED, "no file 'train-labels-idx1-ubyte'"),
                (["train", *SMALL, "--data=one", "-o", "run"], FAILED, "has 1 class, '0'"),
                (["train", *SMALL, "--data=one-folder", "-o", "run"], FAILED, "has 1 class, 'a'"),
                (["train", *SMALL, "--data=no-pixels", "-o", "run"], FAILED, "have no pixels"),
                (["train", *SMALL, "--data=folder", "-o", "run"], FAILED, "none.pgm' (PNM): it has 0 × 4 pixels"),
                (["predict", "first", "folder/b/none.pgm"], FAILED, "none.pgm"),
                # settings
                (["train", *SMALL, *data, "--lr=0"], USAGE, "--lr: '0' is not a number > 0"),
                (["train", *SMALL, *data, "--lr=-1"], USAGE, "--lr: '-1' is not a number > 0"),
                *((["train", *SMALL, *data, *options], code, text) for code, text, *options in (
                    (USAGE, "--lr: '1e300' is infinite in f32", "--lr=1e300"),
                    (USAGE, "--lr: '1e-50' is 0 in f32", "--lr=1e-50"),
                    (USAGE, "--clip-norm: '1e-60' is 0 in f32", "--clip-norm=1e-60"),
                    (USAGE, "--adamw-epsilon: '1e-60' is 0 in f32", "--optimizer=adamw", "--adamw-epsilon=1e-60"),
                    (USAGE, "--final-lr: '1e300' is not a number from 0 to 3.4", "--final-lr=1e300"),
                    (USAGE, "--weight-decay: '1e300' is not a number from 0 to 3.4", "--weight-decay=1e300"),
                    (USAGE, "--milestones: '1e300'", "--schedule=step", "--milestones=1e300"),
                    (USAGE, "--warmup: '1e300' is not a number from 0 to 1e+09", "--warmup=1e300"),
                    (USAGE, "--ema: '1' is not a number from 0 to below 1", "--ema=1"),
                    (USAGE, "--padding: goes with --crop random", "--padding=2"),
                    (USAGE, "--mean: goes with --std", "--mean=0.5"),
                    (USAGE, "--warmup: is longer than the training", "--warmup=5"),
                    (FAILED, "warm-up takes 5 steps of 5; shorten it, or train longer", "--warmup=1"))),
                (["train", "mlp", *data, "--epochs=9000000000000000000"], USAGE,
                 "--epochs: '9000000000000000000' is not a number from 1 to 1e+09"),
                (["train", "mlp", *data, "--batch=1000"], FAILED, "a batch of 1000 is more than the 37 training images"),
                (["train", "mlp", *data, "--batch=1", "--norm=batch"], FAILED, "take a larger --batch"),
                (["train", "mlp", *data, "--batch=20", "--ghost-batch=8"], FAILED, "in the last batch of 17: take another"),
                (["train", "--config=unknown.toml", *data], USAGE, "line 2: there is no setting 'batchs'; did you mean 'batch'"),
                (["train", *SMALL, *data, "--mean=nan", "--std=1"], USAGE, "--mean: 'nan' is not a number from 0 to 1"),
                (["train", "mlp", *data, "--threads=100000"], FAILED, "100000 threads; there can be 1 to 1024"),
                (["train", "--config=absent.toml", *data], FAILED, "absent.toml"),
                (["train", "--config=empty", *data], FAILED, "cannot read 'empty'"),
                (["train", *SMALL, "--config=nothing.toml", *data], USAGE, "line 1: 'lr' is one value, not an empty list"),
                (["train", "--resume=absent"], FAILED, "absent"),
                (["train", "--resume=data"], FAILED, "data/config.toml"),
                # folders that cannot be written to
                (["train", *SMALL, "--data=data", "-o", "text.onnx/run"], FAILED, "'text.onnx/run': Not a directory"),
                (["train", *SMALL, "--data=data", "-o", "/proc/run"], FAILED, "'/proc/run'"),
                (["train", *SMALL, "--data=data", "-o", "first"], FAILED, "'first' is there already")):
            with self.subTest(arguments=arguments):
                before = self.files()
                done = Run(*arguments, cwd=self.root)
                self.assertEqual(done.code, code, done.err)
                self.assertEqual(done.out, "")
                lines = [line for line in done.err.splitlines() if not line.startswith("See '")]
                self.assertEqual(len(lines), 1, done.err)
                self.assertIn(text, done.err)
                self.assertEqual(self.files(), before)

    def files(self):
        return sorted(self.root.rglob("*"))

    def test_names_of_folders_that_are_not_near_are_not_suggested(self):
        for name, suggested in (("dtaa", f"did you mean '{self.root}/data'?"), ("photographs", None)):
            done = Run("train", *SMALL, "--data", str(self.root / name), "-o", "run", cwd=self.root)
            self.assertEqual(done.code, FAILED)
            self.assertIn(f"there is no data set and no folder '{self.root / name}'", done.err)
            if suggested is None:
                self.assertNotIn("did you mean", done.err)
            else:
                self.assertIn(suggested, done.err)

    def test_a_last_batch_of_one_image_is_left_out_and_said(self):
        done = Run("train", "mlp", "--hidden=8", "--norm=batch", "--epochs=1", "--batch=8", "--validation-fraction=0",
                   "--data=data", "-o", "odd", cwd=self.root)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("one of 41 images is left out of each epoch", done.err)

    def test_a_full_disk_loses_nothing_that_was_saved(self):
        self.train("whole")
        largest = max(path.stat().st_size for path in checkpoints(self.root / "whole"))
        full = self.train("full", limit=largest - 1)
        self.assertEqual(full.returncode, FAILED)
        self.assertIn("File too large", full.stderr)
        self.assertIn("equipoise train --resume full", full.stderr)
        done = Run("train", "--resume", "full", cwd=self.root)
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(self.root / "full"), everything(self.root / "whole"))

    def train(self, folder, limit=None):
        """Files cannot grow beyond a limit, which ends as a full disk does."""
        def set_limit():
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return subprocess.run([program.path(), "train", *SMALL, "--data=data", "-o", folder],
                              capture_output=True, check=False, encoding="utf-8", cwd=self.root, preexec_fn=set_limit)


main()
