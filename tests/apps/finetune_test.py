"""`equipoise train FILE`: training that goes on from a model file, with a head for other classes."""

import json
import pathlib
import re
import shutil
import tempfile
import unittest

from made_images import make_image_folder, make_images
from program import Run, main
from run_folder import checkpoints, content, everything

DEFAULTS = {"--batch": "32", "--epochs": "3", "--lr": "0.05", "--keep": "20", "--save-every": "3", "--threads": "1"}


def options(*given):
    """These, and what is not given otherwise."""
    keys = {option.partition("=")[0] for option in given}
    return [*(f"{key}={value}" for key, value in DEFAULTS.items() if key not in keys), *given]


def preprocessing(model):
    return json.loads(re.search(rb'\{"channels".*?\}', model.read_bytes())[0])


class FineTune(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.data = make_images(cls.root / "data")
        cls.three = make_images(cls.root / "three", classes=3, seed=2)
        cls.first = cls.root / "first"
        done = Run("train", "mlp", "--hidden=16", "--norm=batch", "--activation=relu", "--data", str(cls.data), *options(), "-o", str(cls.first))
        assert done.code == 0, done.err
        cls.model = cls.first / "model.onnx"

    def train(self, model, data, *more, name):
        run = self.root / name
        return Run("train", str(model), "--data", str(data), *options(*more), "-o", str(run)), run

    def test_replaces_the_head_and_says_so(self):
        done, run = self.train(self.model, self.three, "--json", name="replaced")
        self.assertEqual(done.code, 0, done.err)
        lines = [line for line in done.err.splitlines() if "last layer" in line]
        self.assertEqual(lines, [f"The last layer of '{self.model}' (fc2.weight, fc2.bias) is replaced by a new one: "
                                 "3 classes in place of 4"])
        document = done.document()
        self.assertGreater(document["validation"]["accuracy"], 0.7)
        self.assertEqual(document["model"], "mlp")
        answer = Run("evaluate", str(run), "--data", str(self.three), "--json").document()
        self.assertEqual([entry["label"] for entry in answer["classes"]], ["0", "1", "2"])

    def test_begins_with_the_bits_of_the_file(self):
        done, run = self.train(self.model, self.three, "--lr=1e-30", "--weight-decay=0", name="bits")
        self.assertEqual(done.code, 0, done.err)
        before = self.kept(self.first)
        _, after = content(checkpoints(run)[0])
        same = [name for name, tensor in after.items() if before[name] == tensor and "momentum" not in name]
        weights = [name for name in before if name.endswith((".weight", ".bias")) and not name.startswith("fc2.")]
        self.assertGreater(len(weights), 2)
        self.assertLessEqual(set(weights), set(same))
        self.assertEqual(after["fc2.weight"][1], [3, 16])

    def test_keeps_the_head_of_the_same_classes(self):
        done, run = self.train(self.first, self.data, "--epochs=1", "--lr=1e-30", "--json", name="kept")
        self.assertEqual(done.code, 0, done.err)
        self.assertIn(f"The last layer of '{self.first}' (fc2.weight, fc2.bias) is kept: its classes are those of "
                      "the data set", done.err)
        self.assertGreater(done.document()["training"]["accuracy"], 0.7)

    def test_does_to_images_what_was_done_before(self):
        colored = make_image_folder(self.root / "colored", 40)
        _, run = self.train(self.model, colored, "--epochs=1", "--batch=8", name="files")
        self.assertEqual(preprocessing(run / "model.onnx"), preprocessing(self.model))
        _, run = self.train(self.model, colored, "--epochs=1", "--batch=8", "--mean=0.5", "--std=0.25", "--resize=16",
                            name="given")
        self.assertEqual(preprocessing(run / "model.onnx"),
                         {**preprocessing(self.model), "mean": [0.5], "std": [0.25], "resize": 16})

    def test_images_are_resized_as_before_or_as_asked(self):
        colored = make_image_folder(self.root / "several", 40)
        done, first = self.train("mlp", colored, "--epochs=1", "--batch=8", "--size=12", "--interpolation=bicubic",
                                 name="bicubic")
        self.assertEqual(done.code, 0, done.err)
        for options, kind in (([], "bicubic"), (["--interpolation=bilinear"], "bilinear")):
            _, run = self.train(first, colored, "--epochs=1", "--batch=8", *options, name=f"as-{kind}")
            self.assertEqual(preprocessing(run / "model.onnx")["interpolation"], kind)

    def test_settings_of_a_run_may_be_those_of_fine_tuning(self):
        run = self.root / "by-settings"
        done = Run("train", str(self.model), "--config", str(self.first / "config.toml"), "--epochs=1", "-o", str(run))
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("The last layer of", done.err)
        again = self.root / "by-its-settings"
        done = Run("train", "--config", str(run / "config.toml"), "-o", str(again))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(again), everything(run))

    def test_a_file_without_preprocessing_takes_the_statistics_of_the_data_and_says_so(self):
        foreign = self.root / "foreign.onnx"
        foreign.write_bytes(self.model.read_bytes().replace(b"equipoise.preprocessing", b"somebody_.preprocessing"))
        done, run = self.train(foreign, self.data, "--epochs=1", name="foreign")
        self.assertIn("says nothing of mean and std", done.err)
        self.assertEqual(preprocessing(run / "model.onnx")["mean"], preprocessing(self.model)["mean"])

    def test_goes_on_without_the_file_with_the_same_bits(self):
        file = self.root / "passing.onnx"
        shutil.copy(self.model, file)
        done, whole = self.train(file, self.three, "--seed=5", name="whole")
        self.assertEqual(done.code, 0, done.err)
        file.write_bytes(b"something else")
        self.assert_goes_on(whole)

    def test_what_is_frozen_stays_also_in_a_run_that_goes_on(self):
        done, whole = self.train(self.model, self.three, "--freeze=fc1.*,norm1.*", name="frozen")
        self.assertEqual(done.code, 0, done.err)
        before = self.kept(self.first)
        for names, options in (({"norm1.running_mean", "norm1.running_var"}, []),
                               (set(), ["--frozen-norms=batch"])):
            _, run = self.train(self.model, self.three, "--freeze=fc1.*,norm1.*", *options, name=f"frozen{len(names)}")
            same = {name for name, tensor in self.kept(run).items() if before.get(name) == tensor}
            self.assertEqual(same - {"norm1.num_batches_tracked"}, {"fc1.weight", "norm1.weight", "norm1.bias"} | names)
        self.assert_goes_on(whole)

    def test_nothing_before_what_is_trained_costs_a_step(self):
        def steps(*options):
            document = Run("bench", "train", "resnet8", "--size=12", "--batch=2", "--runs=1", "--json", "--profile",
                           *options).document()
            return [step["name"] for step in document["profile"]["steps"]]
        self.assertLess(len(steps("--freeze=conv1.*,bn1.*,layer1.*")), len(steps()))

    @staticmethod
    def kept(run):
        """Tensors of the best epoch."""
        best = max(checkpoints(run), key=lambda path: float(content(path)[0].get("score", -1)))
        return content(best)[1]

    def assert_goes_on(self, whole):
        """From a checkpoint in the middle, and from none."""
        for left in (3, 0):
            run = self.root / f"{whole.name}-cut-{left}"
            shutil.copytree(whole, run)
            for path in checkpoints(run)[left:]:
                path.unlink()
            done = Run("train", "--resume", str(run))
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(everything(run), everything(whole), f"from {left} checkpoints")

    def test_its_folder_has_the_name_of_the_network(self):
        done = Run("train", str(self.model), "--data", str(self.three), *options("--epochs=1", "--json"), cwd=self.root)
        self.assertEqual(done.document()["run"], "runs/mlp-1")
        self.assertTrue((self.root / "runs/mlp-1/model.onnx").exists())

    def test_files_that_cannot_be_trained(self):
        text = self.root / "text.onnx"
        text.write_text("text")
        for model, code, message, more in (
                (text, 1, "it is no ONNX model", []),
                (self.root / "absent.onnx", 1, "absent.onnx", []),
                (self.data, 1, "has no model.onnx", []),
                (self.model, 2, "is a file, which says this itself", ["--norm=group"]),
                (self.model, 1, "has no parameter that 'norm2.*' matches; did you mean 'norm1.*'?", ["--freeze=norm2.*"]),
                (self.model, 1, "no parameter to train", ["--freeze=*"])):
            done, run = self.train(model, self.three, *more, name="none")
            self.assertEqual(done.code, code, done.err)
            self.assertIn(message, done.err)
            self.assertFalse(run.exists())


main()
