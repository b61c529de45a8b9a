"""`equipoise predict` and `evaluate`: predict_test.py <program> [<example predict_image>]"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from made_images import make_image_folder, make_images
from program import Run, main
from run_folder import metrics

_example = sys.argv.pop(2) if len(sys.argv) > 2 else None


def images_of(idx, size=12):
    """The pixels of each image of an IDX file."""
    data = pathlib.Path(idx).read_bytes()[16:]
    return [data[i:i + size * size] for i in range(0, len(data), size * size)]


class Trained(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        cls.data = make_images(cls.root / "images")
        cls.folder = cls.root / "run"
        done = Run("train", "mlp", "--hidden=24", "--norm=batch", "--activation=relu", "--batch=32", "--epochs=12",
                   "--threads=1", "--data", str(cls.data), "-o", str(cls.folder))
        assert done.code == 0, done.err
        cls.model = cls.folder / "model.onnx"
        cls.images = []
        for i, pixels in enumerate(images_of(cls.data / "t10k-images-idx3-ubyte")[:8]):
            cls.images.append(cls.root / f"{i}.pgm")
            cls.images[-1].write_bytes(b"P5 12 12 255 " + pixels)

    def predict(self, *arguments):
        return Run("predict", str(self.folder), *map(str, arguments))

    def evaluate(self, *arguments, model=None):
        return Run("evaluate", str(model or self.folder), *map(str, arguments))


class Predict(Trained):
    def test_shows_the_most_probable_classes_of_each_image(self):
        done = self.predict(*self.images[:2], "--top", "2")
        self.assertEqual((done.code, done.err), (0, ""))
        lines = done.out.splitlines()
        self.assertRegex(lines[0], r"^file +label +probability$")
        self.assertEqual(len(lines), 2 + 2 * 2)
        self.assertRegex(lines[2], r"0\.pgm +\d +\d+\.\d\d %$")
        self.assertRegex(lines[3], r"^ +\d +\d+\.\d\d %$")

    def test_is_right_where_training_was(self):
        images = self.predict(*self.images, "--json").document()["images"]
        right = sum(int(image["classes"][0]["label"]) == i % 4 for i, image in enumerate(images))
        self.assertGreaterEqual(right, 7)
        for image in images:
            probabilities = [entry["probability"] for entry in image["classes"]]
            self.assertEqual(probabilities, sorted(probabilities, reverse=True))
            self.assertAlmostEqual(sum(probabilities), 1, places=5)

    def test_features_are_the_vector_before_the_head(self):
        [image] = self.predict(self.images[0], "--json", "--features").document()["images"]
        self.assertEqual(len(image["features"]), 24)
        self.assertEqual(self.predict(self.images[0], "--features").code, 2)

    def test_an_image_that_cannot_be_read_is_named_and_the_others_are_answered(self):
        broken = self.root / "broken.png"
        broken.write_bytes(b"\x89PNG\r\n\x1a\n")
        done = self.predict(self.images[0], broken, self.root / "absent.jpg", self.images[1], "--json")
        self.assertEqual(done.code, 1)
        self.assertEqual(len(done.err.splitlines()), 2)
        self.assertIn("broken.png", done.err)
        self.assertIn("absent.jpg", done.err)
        self.assertEqual([("classes" in image, "error" in image) for image in done.document()["images"]],
                         [(True, False), (False, True), (False, True), (True, False)])

    def test_an_image_of_another_size_is_resized(self):
        color = self.root / "color.ppm"
        color.write_bytes(b"P6 40 30 255 " + bytes(range(240)) * 15)
        self.assertEqual(self.predict(color).code, 0)

    def test_models_that_are_none(self):
        for model, code, text in ((self.root / "absent.onnx", 1, "absent.onnx"),
                                  (self.images[0], 1, "it is no ONNX model"),
                                  (self.data, 1, "has no model.onnx"),
                                  ("resnet20", 2, "is a network without weights")):
            done = Run("predict", str(model), str(self.images[0]))
            self.assertEqual(done.code, code, done.err)
            self.assertIn(text, done.err)
            self.assertEqual(done.out, "")

    def test_the_example_in_cxx_says_the_same(self):
        if _example is None:
            self.skipTest("examples are not built")
        done = subprocess.run([_example, str(self.folder), str(self.images[0])], capture_output=True, text=True, check=True)
        best = self.predict(self.images[0], "--json").document()["images"][0]["classes"][0]
        self.assertRegex(done.stdout.splitlines()[0], rf"^{best['label']} +{100 * best['probability']:.2f} %$")

    def test_onnx_runtime_computes_the_same(self):
        python = None
        for candidate in (sys.executable, os.environ.get("EQUIPOISE_ONNXRUNTIME_PYTHON")):
            if candidate and subprocess.run([candidate, "-c", "import numpy, onnxruntime"], check=False,
                                            capture_output=True).returncode == 0:
                python = candidate
        if python is None:
            self.skipTest("no onnxruntime")
        theirs = json.loads(subprocess.run([python, "-c", ONNX_RUNTIME, str(self.model), *map(str, self.images)],
                                           capture_output=True, text=True, check=True).stdout)
        ours = self.predict(*self.images, "--json").document()["images"]
        for image, probabilities in zip(ours, theirs, strict=True):
            for entry in image["classes"]:
                self.assertAlmostEqual(entry["probability"], probabilities[entry["class"]], places=5)


# As somebody would who has the file alone: what to do to images is in its metadata.
ONNX_RUNTIME = """
import json, pathlib, sys
import numpy, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
said = json.loads(session.get_modelmeta().custom_metadata_map["equipoise.preprocessing"])
images = []
for path in sys.argv[2:]:
    pixels = numpy.frombuffer(pathlib.Path(path).read_bytes()[-144:], numpy.uint8).reshape(1, 12, 12)
    images.append((pixels / 255 - said["mean"][0]) / said["std"][0])
logits, = session.run(["logits"], {"image": numpy.array(images, numpy.float32)})
shares = numpy.exp(logits)
print(json.dumps((shares / shares.sum(1, keepdims=True)).tolist()))
"""


class Evaluate(Trained):
    def test_counts_test_images_class_by_class(self):
        document = self.evaluate("--data", self.data, "--json").document()
        self.assertEqual((document["split"], document["images"]), ("test", 40))
        self.assertEqual([entry["images"] for entry in document["classes"]], [10] * 4)
        self.assertEqual(sum(entry["right"] for entry in document["classes"]), round(40 * document["accuracy"]))
        self.assertGreater(document["accuracy"], 0.8)

    def test_as_text_names_the_split(self):
        done = self.evaluate("--data", self.data)
        self.assertEqual((done.code, done.err), (0, ""))
        self.assertIn("40 test images", done.out)
        self.assertRegex(done.out, r"(?m)^accuracy \d+\.\d\d %, loss \d\.\d{4}$")
        self.assertRegex(done.out, r"(?m)^3 +10 +\d+ +\d+\.\d\d %$")

    def test_of_what_was_held_out_is_what_training_measured_in_its_best_epoch(self):
        document = self.evaluate("--data", self.data, "--split=validation", "--validation-fraction=0.1", "--json").document()
        measured = [line for line in metrics(self.folder) if line["split"] == "validation"]
        best = max(measured, key=lambda line: (line["accuracy"], -line["loss"]))
        self.assertEqual((document["accuracy"], document["images"]), (best["accuracy"], 28))
        self.assertAlmostEqual(document["loss"], best["loss"], places=5)

    def test_of_test_images_holds_nothing_out(self):
        for split in ([], ["--split=test"]):
            done = self.evaluate("--data", self.data, "--validation-fraction=0.1", *split)
            self.assertEqual(done.code, 2)
            self.assertIn("--validation-fraction: goes with --split training or validation", done.err)
        done = self.evaluate("--data", self.data, "--split=validation", "--seed=1")
        self.assertEqual(done.code, 2)
        self.assertIn("--seed: goes with --validation-fraction", done.err)

    def test_without_test_images_takes_all_and_says_so(self):
        folder = self.root / "folder"
        for i in range(8):
            for image in range(2):
                path = folder / "abcd"[i % 4] / f"{i}-{image}.pgm"
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.images[i], path)
        done = self.evaluate("--data", folder)
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("16 training images", done.out)
        self.assertIn("are not called the same: '0' of the model, 'a' of the data set", done.err)

    def test_broken_images_end_it_or_are_passed_over(self):
        folder = self.root / "broken"
        for i in range(4):
            (folder / str(i)).mkdir(parents=True)
            shutil.copy(self.images[i], folder / str(i) / "good.pgm")
        (folder / "2" / "bad.pgm").write_bytes(b"P5 12 12")
        done = self.evaluate("--data", folder)
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn("bad.pgm", done.err)
        done = self.evaluate("--data", folder, "--on-bad-image=skip", "--json")
        self.assertEqual((done.code, done.document()["images"]), (0, 4))
        self.assertIn("bad.pgm", done.document()["skipped"][0]["image"])
        self.assertIn("bad.pgm", done.err)

    def test_other_numbers_of_classes_are_an_error(self):
        done = self.evaluate("--data", make_image_folder(self.root / "two", 12))
        self.assertEqual((done.code, done.out), (1, ""))
        self.assertIn("tells 4 classes apart", done.err)
        self.assertIn("has 2", done.err)

    def test_the_file_is_as_good_as_the_folder(self):
        self.assertEqual(self.evaluate("--data", self.data, model=self.model).out.replace("/model.onnx", ""),
                         self.evaluate("--data", self.data).out)


class OtherCommands(Trained):
    def test_inspect_and_bench_take_files_and_folders(self):
        for model in (self.model, self.folder):
            document = Run("inspect", str(model), "--json").document()
            self.assertEqual(document["model"]["name"], "mlp")
            self.assertNotEqual(document["norms"][0]["running_mean"]["max"], 0)
            done = Run("bench", "infer", str(model), "--runs=1", "--json")
            self.assertEqual(done.code, 0, done.err)

    def test_what_the_file_says_itself_is_no_option(self):
        done = Run("inspect", str(self.model), "--norm", "group")
        self.assertEqual(done.code, 2)
        self.assertIn("is a file, which says this itself", done.err)


main()
