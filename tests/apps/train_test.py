"""`equipoise train`: what it leaves in a run's folder, and what it says to mistakes."""

import pathlib
import re
import shutil
import struct
import tempfile
import unittest

from made_images import make_image_folder, make_images, write_idx
from program import Run, main
from run_folder import checkpoints, everything, metrics

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
        self.run = self.root / "run"

    def train(self, *arguments):
        return Run("train", *self.arguments(*arguments))

    def arguments(self, *more):
        return [*mlp(*more), "--data", str(self.data), "-o", str(self.run)]

    def mistake(self, code, text, *arguments):
        """One line (but for the way to the help), and nothing is left behind."""
        done = Run("train", *arguments)
        self.assertEqual(done.code, code, done.err)
        self.assertEqual(done.out, "")
        self.assertIn(text, done.err)
        lines = [line for line in done.err.splitlines() if not line.startswith("See '")]
        self.assertEqual(len(lines), 1, done.err)
        self.assertFalse(self.run.exists())


class Folder(Train):
    def test_metrics_have_the_documented_fields(self):
        done = self.train()
        self.assertEqual(done.code, 0, done.err)
        lines = metrics(self.run)
        for line in lines:
            self.assertEqual(list(line), ["step", "epoch", "split", "loss", "accuracy", "lr", "time"])
        # 232 images (a tenth of each class is held out, rounded) in batches of 32.
        self.assertEqual([(line["step"], line["split"]) for line in lines],
                         [(3, "training"), (6, "training"), (8, "training"), (8, "validation"),
                          (9, "training"), (12, "training"), (15, "training"), (16, "training"),
                          (16, "validation")])
        self.assertEqual(lines[3]["epoch"], 1)
        self.assertTrue(all(0 <= line["accuracy"] <= 1 for line in lines))
        times = [line["time"] for line in lines]
        self.assertEqual(times, sorted(times))

    def test_learns(self):
        document = self.train("--epochs=20", "--activation=relu", "--norm=batch", "--json").document()
        self.assertEqual((document["kind"], document["finished"]), ("train", True))
        self.assertEqual((document["epochs"], document["steps"]), (20, 160))
        self.assertGreater(document["training"]["accuracy"], 0.9)
        self.assertGreaterEqual(document["best"]["accuracy"], document["validation"]["accuracy"])

    def test_says_the_share_of_time_that_went_into_waiting_for_images(self):
        waited = []
        for size, hidden in ((600, "1"), (12, "2048,2048")):
            self.data = make_image_folder(self.root / f"of {size}", size)
            document = self.train(f"--hidden={hidden}", "--size=12", "--workers=1", "--batch=8", "--json").document()
            waited.append(document["waited_for_images"])
            shutil.rmtree(self.run)
        self.assertTrue(0 < waited[1] < 0.5 < waited[0] <= 1, waited)

    def test_lines_for_who_is_no_terminal(self):
        done = self.train()
        self.assertNotIn("\r", done.err)
        self.assertRegex(done.err, r"epoch 0\.38/2  step 3  loss \d\.\d+  accuracy .* % .*rate .*images/s.*left")
        self.assertRegex(done.err, r"epoch 2/2: training loss .*validation loss .*accuracy .* %")
        self.assertRegex(done.out, r"(?m)^\d+\.\d % of the time went into waiting for images$")

    def test_the_config_makes_the_run_again(self):
        self.train("--norm", "batch", "--cumulative", "--activation", "relu", "--flip", "0.5")
        again = self.root / "again"
        done = Run("train", "--config", str(self.run / "config.toml"), "-o", str(again))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(again), everything(self.run))
        self.assertEqual((again / "config.toml").read_text(), (self.run / "config.toml").read_text())

    def test_options_go_before_the_config(self):
        config = self.root / "c.toml"
        config.write_text(f'# mine\nmodel = "mlp"\nhidden = [16, 8]\ndata = "{self.data}"\nlr = 0.5\nepochs = 7\n')
        done = Run("train", "--config", str(config), "--epochs", "1", "-o", str(self.run))
        self.assertEqual(done.code, 0, done.err)
        written = (self.run / "config.toml").read_text()
        self.assertIn("\nepochs = 1\n", written)
        self.assertIn("\nlr = 0.5\n", written)
        self.assertIn("\nhidden = [16, 8]\n", written)

    def test_all_threads_give_the_seed_its_meaning(self):
        self.train("--seed", "1")
        one = everything(self.run)
        shutil.rmtree(self.run)
        self.train("--seed", "1", "--workers", "3")
        self.assertEqual(everything(self.run)[0], one[0])
        shutil.rmtree(self.run)
        self.train("--seed", "2")
        self.assertNotEqual(everything(self.run)[0], one[0])

    def test_a_last_batch_of_one_is_left_out(self):
        self.data = make_images(self.root / "odd", training=72, classes=4)
        done = self.train("--validation", "0", "--batch", "71")
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("one of 72 images is left out", done.err)

    def test_without_validation_there_is_none(self):
        document = self.train("--validation", "0", "--json").document()
        self.assertIsNone(document["validation"])
        self.assertIsNone(document["best"])

    def test_records_of_events_hold_together(self):
        self.train()
        [path] = self.run.glob("events.out.tfevents.*")
        data, records = path.read_bytes(), 0
        while data:
            length = struct.unpack("<Q", data[:8])[0]
            self.assertGreaterEqual(len(data), length + 16)
            data = data[length + 16:]
            records += 1
        self.assertEqual(records, 1 + len(metrics(self.run)))

    def test_tensorboard_reads_them(self):
        try:
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        except ImportError:
            self.skipTest("TensorBoard is not installed")
        self.train()
        events = EventAccumulator(str(self.run))
        events.Reload()
        self.assertEqual(set(events.Tags()["scalars"]),
                         {"loss/training", "accuracy/training", "learning_rate", "loss/validation",
                          "accuracy/validation"})
        for split in ("training", "validation"):
            for key in ("loss", "accuracy"):
                expected = [line for line in metrics(self.run) if line["split"] == split]
                read = events.Scalars(f"{key}/{split}")
                self.assertEqual([event.step for event in read], [line["step"] for line in expected])
                for event, line in zip(read, expected):
                    self.assertAlmostEqual(event.value, line[key], places=6)


class Mistakes(Train):
    def test_numbers_out_of_range(self):
        for option, value, text in (("--lr", "0", "'0' is not a number > 0"), ("--lr", "-1", "'-1'"),
                                    ("--lr", "nan", "'nan'"), ("--batch", "0", "'0'"),
                                    ("--epochs", "0", "'0'"), ("--validation", "1", "'1'"),
                                    ("--flip", "2", "'2'"), ("--seed", "-1", "'-1'"),
                                    ("--optimizr", "sgd", "--optimizr")):
            self.mistake(2, text, *self.arguments(f"{option}={value}"))

    def test_what_is_missing(self):
        self.mistake(2, "MODEL", "--data", str(self.data))
        self.mistake(2, "--data", "mlp")
        self.mistake(1, "did you mean 'fashion-mnist'", "mlp", "--data", "fashion-mnits")
        self.mistake(1, "did you mean 'resnet20'", "resnet21", "--data", str(self.data))
        self.mistake(1, "cannot read", "--config", str(self.root / "absent.toml"))
        (self.data / "train-labels-idx1-ubyte").unlink()
        self.mistake(1, "train-labels-idx1-ubyte", *self.arguments())

    def test_data_that_does_not_do(self):
        self.mistake(1, "a batch of 1000 is more than the 232 training images",
                     *self.arguments("--batch=1000"))
        self.mistake(1, "4 classes", *self.arguments("--classes", "7"))
        self.mistake(1, "its input is tokens", "encoder", "--data", str(self.data))
        labels = self.data / "train-labels-idx1-ubyte"
        write_idx(labels, (260,), [0] * 260)
        write_idx(self.data / "t10k-labels-idx1-ubyte", (40,), [0] * 40)
        self.mistake(1, "class", *self.arguments())

    def test_folders(self):
        self.run.write_text("a file")
        done = Run("train", *self.arguments())
        self.assertEqual(done.code, 1)
        self.assertIn("is there already", done.err)
        self.assertEqual(self.run.read_text(), "a file")
        self.run.unlink()
        self.mistake(1, "cannot use folder '/proc/absent/run'", *mlp(), "--data", str(self.data),
                     "-o", "/proc/absent/run")

    def test_settings_of_a_file(self):
        config = self.root / "c.toml"
        for text, message in (("epoch = 3", "line 1: there is no setting 'epoch'; did you mean 'epochs'"),
                              ("\nlr = -1", "line 2: "), ("lr = fast", "line 1: 'fast' is no number"),
                              ("nesterov = 3", "'nesterov' is true or false"),
                              ("momentum = 0.1\ncumulative = true", "excludes"),
                              ('resume = "x"', "there is no setting 'resume'"), ("[train]", "section")):
            config.write_text(text)
            self.mistake(2, message, *self.arguments("--config", str(config)))

    def test_a_loss_that_is_not_finite_ends_it(self):
        done = Run("train", *self.arguments("--lr", "1e30", "--epochs", "10", "--norm", "none"))
        self.assertEqual(done.code, 1)
        self.assertIn("10 steps in a row changed nothing", done.err)
        self.assertIn("--resume", done.err)


main()
