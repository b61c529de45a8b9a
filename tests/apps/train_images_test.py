"""`equipoise train`: the images of a run, and a validation set of its own."""

import shutil
import subprocess

import program
from made_images import make_image_folder, make_images, write_idx
from program import Run, main
from run_folder import checkpoints, everything, metrics
from train_case import Train, mlp


class Images(Train):
    def test_are_resized_as_asked(self):
        self.data = make_image_folder(self.root / "photos", 40)
        losses = set()
        for options, kind in (([], "bilinear"), (["--interpolation=bicubic"], "bicubic")):
            self.train("--size=12", "--batch=8", *options)
            self.assertIn(f'"interpolation":"{kind}"'.encode(), (self.folder / "model.onnx").read_bytes())
            losses.add(metrics(self.folder)[-1]["loss"])
            shutil.rmtree(self.folder)
        self.assertEqual(len(losses), 2)

    def test_reading_them_all_for_their_mean_is_told_of_once_it_takes_long(self):
        path = self.root / "photos/a/0.pgm"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"P5 3000 3000 255 " + bytes(range(250)) * 36000)
        for i in range(1, 2000):
            link = self.root / f"photos/{'ab'[i % 2]}/{i}.pgm"
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(path)
        process = subprocess.Popen([program.path(), "train", *mlp("--size=12"), "--data", self.root / "photos", "-o",
                                    self.folder], stderr=subprocess.PIPE, encoding="utf-8")
        said = process.stderr.readline()
        process.kill()
        process.communicate()
        self.assertEqual(said, "Reading 1,800 images once for their mean and standard deviation\n")
        self.assertFalse(self.folder.exists())


class ValidationImagesOfTheDataSet(Train):
    def setUp(self):
        super().setUp()
        self.data = self.root / "photos"
        make_image_folder(self.data / "train", 12)
        make_image_folder(self.data / "val", 12, images=10)

    def test_are_those_that_are_evaluated(self):
        done = self.train("--batch=8", "--json")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(done.document()["steps"], 10)
        self.assertNotIn("validation-fraction", (self.folder / "config.toml").read_text())
        evaluated = Run("evaluate", str(self.folder), "--data", str(self.data), "--json").document()
        self.assertEqual((evaluated["split"], evaluated["images"]), ("validation", 10))
        self.assertEqual(evaluated["accuracy"], done.document()["best"]["accuracy"])

    def test_leave_nothing_to_hold_out(self):
        text = f"--validation-fraction: '{self.data}' has validation images of its own"
        self.mistake(2, text, *self.arguments("--validation-fraction=0.2"))
        self.train("--batch=8", "--epochs=1")
        done = Run("evaluate", str(self.folder), "--data", str(self.data), "--split=validation", "--validation-fraction=0.2")
        self.assertEqual(done.code, 2)
        self.assertIn(text, done.err)


class ValidationData(Train):
    def setUp(self):
        super().setUp()
        self.others = make_images(self.root / "others", training=60, test=28, seed=2)
        (self.others / "t10k-images-idx3-ubyte").unlink()
        (self.others / "t10k-labels-idx1-ubyte").unlink()

    def test_is_evaluated_and_nothing_is_held_out(self):
        done = self.train("--validation-data", str(self.others), "--json")
        self.assertEqual(done.code, 0, done.err)
        # 260 images in batches of 32.
        self.assertEqual(done.document()["steps"], 18)
        evaluated = Run("evaluate", str(self.folder), "--data", str(self.others), "--json").document()
        self.assertEqual(evaluated["images"], 60)
        self.assertEqual(evaluated["accuracy"], done.document()["best"]["accuracy"])

    def test_may_be_of_images_of_another_size(self):
        others = self.root / "photos"
        for label in range(4):
            (others / str(label)).mkdir(parents=True)
            (others / f"{label}/0.pgm").write_bytes(b"P5 20 30 255 " + bytes(range(200)) * 3)
        done = self.train("--validation-data", str(others))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual([line["accuracy"] for line in metrics(self.folder) if line["split"] == "validation"], [0.25] * 2)

    def test_is_found_from_another_folder(self):
        done = Run("train", *mlp(), "--data=images", "--validation-data=others", "-o", "run", cwd=self.root)
        self.assertEqual(done.code, 0, done.err)
        whole = everything(self.folder)
        for path in checkpoints(self.folder):
            path.unlink()
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(self.folder), whole)

    def test_is_the_same_when_it_is_gone_on_with(self):
        self.train("--validation-data", str(self.others))
        before = everything(self.folder)
        labels = self.others / "train-labels-idx1-ubyte"
        write_idx(labels, (60,), [(i + 1) % 4 for i in range(60)])
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1)
        self.assertIn(f"data set '{self.others}' has other classes, or images of others, than the run began with",
                      done.err)
        shutil.rmtree(self.others)
        make_images(self.others, training=50, test=48)
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1)
        self.assertIn(f"data set '{self.others}' has 48 validation images; the run began with 60", done.err)
        self.assertEqual(everything(self.folder), before)

    def test_mistakes(self):
        self.mistake(2, "--validation-fraction excludes --validation-data",
                     *self.arguments("--validation-data", str(self.others), "--validation-fraction=0.2"))
        three = make_images(self.root / "three", classes=3)
        self.mistake(1, f"the validation images of '{three}' are of other classes (0, 1, 2) than the training images of "
                        f"'{self.data}' (0, 1, 2, 3)", *self.arguments("--validation-data", str(three)))
        self.mistake(1, "no folder 'absent'", *self.arguments("--validation-data=absent"))


main()
