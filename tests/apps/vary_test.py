"""`equipoise train --vary`: several trainings, and what is said of their differences."""

import fcntl
import html.parser
import os
import pathlib
import pty
import shutil
import struct
import subprocess
import termios

import program
from program import Run, main
from run_folder import everything, metrics
from train_case import Vary, mlp


class Page(html.parser.HTMLParser):
    """Text of an HTML page, and how many elements of each kind it has."""

    def __init__(self, path):
        super().__init__()
        self.text, self.elements = "", {}
        self.feed(pathlib.Path(path).read_text())

    def handle_starttag(self, tag, attrs):
        self.elements[tag] = self.elements.get(tag, 0) + 1

    def handle_data(self, data):
        self.text += data


class Runs(Vary):
    def test_each_is_what_it_would_be_alone(self):
        self.vary("--vary=norm=batch,none+lr=0.05", "--lr=0.2")
        for name, options in (("norm=batch", ["--norm=batch", "--lr=0.2"]),
                              ("norm=none+lr=0.05", ["--norm=none", "--lr=0.05"])):
            alone = self.root / "alone" / name
            done = Run("train", *mlp(*options), "--data", str(self.data), "-o", str(alone))
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(everything(self.folder / name), everything(alone))

    def test_each_is_trained_by_every_seed(self):
        document = self.vary("--vary=norm=batch,none", "--seeds=3", "--seed=5", "--json").document()
        self.assertEqual(document["seeds"], 3)
        for variant in document["variants"]:
            self.assertEqual([run["seed"] for run in variant["runs"]], [5, 6, 7])
            accuracies = sorted(run["validation"]["accuracy"] for run in variant["runs"])
            self.assertEqual(variant["accuracy"], accuracies[1])
            self.assertEqual(variant["accuracy_range"], [accuracies[0], accuracies[2]])
            for run in variant["runs"]:
                self.assertIn(f"seed = {run['seed']}\n", (pathlib.Path(run["run"]) / "config.toml").read_text())

    def test_a_file_may_say_what_varies(self):
        config = self.root / "c.toml"
        config.write_text('vary = "norm=batch,none+lr=0.05"\nseeds = 2\nlr = 0.2\n')
        document = self.vary("--config", str(config), "--json").document()
        self.assertEqual(document["seeds"], 2)
        self.assertEqual([variant["settings"] for variant in document["variants"]],
                         [{"norm": "batch"}, {"norm": "none", "lr": "0.05"}])
        for variant in document["variants"]:
            for run in variant["runs"]:
                settings = (pathlib.Path(run["run"]) / "config.toml").read_text()
                self.assertNotRegex(settings, r"(?m)^(vary|seeds) =")
        self.assertIn("\nlr = 0.2\n", (self.folder / "norm=batch-seed-0" / "config.toml").read_text())
        # What is given goes before it.
        done = Run("train", *mlp("--epochs=1"), "--data", str(self.data), "--config", str(config), "--seeds=1",
                   "--vary=lr=0.1,0.3", "-o", str(self.root / "given"), "--json")
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual([len(variant["runs"]) for variant in done.document()["variants"]], [1, 1])

    def test_settings_of_a_run_may_be_varied(self):
        alone = self.root / "alone"
        done = Run("train", *mlp("--norm=batch", "--epochs=1"), "--data", str(self.data), "-o", str(alone))
        self.assertEqual(done.code, 0, done.err)
        done = Run("train", "--config", str(alone / "config.toml"), "--vary=norm=batch,none,layer", "-o", str(self.folder))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(self.folder / "norm=batch"), everything(alone))

    def test_models_and_flags_vary_too(self):
        folder = self.folder
        done = Run("train", "--data", str(self.data), "--epochs=1", "--threads=1", "--batch=32",
                   "--vary=model=mlp,mlp+nesterov=true", "-o", str(folder))
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("nesterov = true", (folder / "model=mlp+nesterov=true" / "config.toml").read_text())

    def test_one_that_diverges_does_not_end_the_others(self):
        done = self.vary("--vary=lr=1e30,0.1", "--activation=relu", "--json")
        first, second = done.document()["variants"]
        self.assertFalse(first["runs"][0]["finished"])
        self.assertIn("changed nothing", first["runs"][0]["failure"])
        self.assertTrue(second["runs"][0]["finished"])
        self.assertEqual(second["runs"][0]["steps"], 16)
        self.assertEqual([first["accuracy"], second["best_other_accuracy"], second["steps_to_best_other"]], [None] * 3)
        page = Page(self.folder / "index.html")
        self.assertIn(first["runs"][0]["failure"], page.text)


class Comparison(Vary):
    def test_steps_are_those_to_where_the_best_other_ended(self):
        document = self.vary("--vary=lr=0.3,0.0001", "--activation=relu", "--norm=batch", "--epochs=4", "--json").document()
        fast, slow = document["variants"]
        self.assertGreater(fast["accuracy"], slow["accuracy"])
        self.assertEqual(fast["best_other_accuracy"], slow["accuracy"])
        lines = metrics(self.folder / "lr=0.3")
        first = next(line["step"] for line in lines
                     if line["split"] == "validation" and line["accuracy"] >= slow["accuracy"])
        self.assertEqual(fast["steps_to_best_other"], first)
        self.assertIsNone(slow["steps_to_best_other"])

    def test_without_validation_it_is_by_training(self):
        document = self.vary("--vary=norm=batch,none", "--validation-fraction=0", "--json").document()
        for variant in document["variants"]:
            self.assertEqual(variant["split"], "training")
            self.assertEqual(variant["accuracy"], variant["runs"][0]["training"]["accuracy"])

    def test_averaged_weights_are_judged_by_what_they_come_to(self):
        variants = self.vary("--vary=ema=0.5,0.99", "--epochs=3", "--json").document()["variants"]
        raw = [variant["runs"][0]["validation"] for variant in variants]
        self.assertEqual(raw[0], raw[1])
        for variant in variants:
            self.assertEqual(variant["split"], "validation_ema")
            for figure in ("accuracy", "loss"):
                self.assertEqual(variant[figure], variant["runs"][0]["validation_ema"][figure])
            curve = [line for line in metrics(self.folder / variant["name"]) if line["split"] == "validation_ema"]
            self.assertEqual(variant["loss"], curve[-1]["loss"])
        self.assertNotEqual(variants[0]["loss"], variants[1]["loss"])
        self.assertIn("Accuracy in validation_ema", Page(self.folder / "index.html").text)

    def test_each_is_judged_by_its_own_split(self):
        done = self.vary("--vary=norm=batch,batch+ema=0.9")
        rows = [line for line in done.out.splitlines() if line.startswith("norm=")]
        self.assertRegex(rows[0], r" % +validation ")
        self.assertRegex(rows[1], r" % +validation_ema ")
        self.assertIn("in validation or validation_ema", done.out)
        self.assertIn("Accuracy in validation or validation_ema", Page(self.folder / "index.html").text)

    def test_layers_are_measured_behind_their_normalization(self):
        # With these, running statistics are those of the last batch, and γ and β hardly move.
        document = self.vary("--vary=lr=1e-9,1e-8", "--norm=batch", "--momentum=1", "--hidden=64,64",
                             "--batch=58", "--json").document()
        for variant in document["variants"]:
            layers = variant["runs"][0]["layers"]
            self.assertEqual(len(layers), 3)
            for layer in layers[:2]:
                self.assertAlmostEqual(layer["std"], 1, delta=0.2)
            deviations = [layer["std"] for layer in layers]
            self.assertEqual(variant["layer_std_range"], [min(deviations), max(deviations)])

    def test_table_has_a_row_for_each(self):
        done = self.vary("--vary=norm=batch,layer,none")
        rows = [line.split()[0] for line in done.out.splitlines() if line.startswith("norm=")]
        self.assertEqual(rows, ["norm=batch", "norm=layer", "norm=none"])
        self.assertIn(str(self.folder / "index.html"), done.out)

    def test_page_shows_all(self):
        self.vary("--vary=norm=batch,none+lr=0.05", "--lr=0.2")
        page = Page(self.folder / "index.html")
        self.assertEqual(page.elements["svg"], 3)
        for text in ("norm=batch", "norm=none lr=0.05", "points above", str(self.data)):
            self.assertIn(text, page.text)
        # Two variants, two evaluations each, and as many lines in training as are logged.
        logged = len([line for line in metrics(self.folder / "norm=batch") if line["split"] == "training"])
        self.assertEqual(page.elements["circle"], 2 * (2 + logged + 2))
        self.assertNotIn("nan", (self.folder / "index.html").read_text())


class Diverged(Vary):
    def test_a_seed_counts_as_the_worst(self):
        self.vary("--vary=norm=none,batch", "--seeds=3", "--activation=relu")
        broken = self.folder / "norm=none-seed-1"
        config = broken / "config.toml"
        text = config.read_text()
        self.assertIn("\nlr = 0.1\n", text)
        config.write_text(text.replace("\nlr = 0.1\n", "\nlr = 1e30\n"))
        shutil.rmtree(broken / "checkpoints")
        (broken / "checkpoints").mkdir()
        done = Run("train", "--resume", str(self.folder), "--json")
        self.assertEqual(done.code, 0, done.err)
        none, batch = done.document()["variants"]
        self.assertEqual((none["runs_finished"], batch["runs_finished"]), (2, 3))
        self.assertEqual([run["finished"] for run in none["runs"]], [True, False, True])
        accuracies = sorted(run["validation"]["accuracy"] for run in none["runs"] if run["finished"])
        self.assertEqual(none["accuracy"], accuracies[0])
        self.assertEqual(none["accuracy_range"], accuracies)
        self.assertIn("2 of 3 finished", Page(self.folder / "index.html").text)


class Terminal(Vary):
    REDRAW = "\r\033[K"

    def redrawn(self, columns):
        """Lines that were drawn in place of each other."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        arguments = ["train", *mlp("--epochs=1"), "--data", str(self.data), "--vary=norm=batch,none+lr=0.05",
                     "-o", str(self.root / f"of-{columns}")]
        process = subprocess.Popen([program.path(), *arguments], stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 4096):
                text += part
        except OSError:  # nobody writes to it any more
            pass
        os.close(ours)
        self.assertEqual(process.wait(), 0, text)
        lines = [line for line in text.decode().split(self.REDRAW)[1:] if line and "\n" not in line]
        self.assertTrue(lines)
        return lines

    def test_a_line_that_is_redrawn_fits(self):
        for line in self.redrawn(200):
            self.assertRegex(line, r"^[█░]{20}  [12]/2 norm=.*  epoch .*  loss .*  rate .* images/s(  .* left)?$")
        for line in self.redrawn(100):
            self.assertRegex(line, r"^[12]/2 norm=.*  epoch .*  loss ")
            self.assertLess(len(line), 100)
        for line in self.redrawn(80):
            self.assertRegex(line, r"epoch .*  loss .*  accuracy .* %(  rate [^ ]*)?(  .* left)?$")
            self.assertLess(len(line), 80)
        for line in self.redrawn(30):
            self.assertRegex(line, r"^epoch .{22}…$")


class Mistakes(Vary):
    def test_are_found_before_anything_is_written(self):
        for text, *options in (
                ("did you mean 'norm'", "--vary=norms=batch,none"),
                ("did you mean 'warmup'", "--vary=norm=batch,none+warm-up=1"),
                ("KEY=VALUE", "--vary=norm"),
                ("one value", "--vary=norm=batch"),
                ("comes twice", "--vary=norm=batch,batch"),
                ("sets 'lr' twice", "--vary=norm=batch,none+lr=0.1+lr=0.2"),
                ("empty", "--vary=norm=batch,"),
                ("--norm", "--vary=norm=batch,bathc"),
                ("one value as well", "--vary=lr=0.1,0.2", "--lr=0.3"),
                ("--seeds", "--vary=seed=1,2", "--seeds=2"),
                ("--vary", "--seeds=2"),
                ("--seeds", "--vary=norm=batch,none", "--seeds=0")):
            with self.subTest(options=options):
                self.mistake(2, text, *self.arguments(*options))
        for text, message, *options in (
                ('norm = "group"\nvary = "norm=batch,none"', "'norm' is set to one value as well"),
                ('vary = "norm=batch,none"', "'norm' is set to one value as well", "--norm=group"),
                ('vary = "norms=batch,none"', "did you mean 'norm'"),
                ('vary = ["norm=batch", "norm=none"]', "line 1: 'vary' is one value, not a list"),
                ("seeds = 2", "--seeds requires --vary"),
                ("seeds = 2", "--seeds", "--vary=seed=1,2"),
                ('seeds = 0\nvary = "norm=batch,none"', "line 1: --seeds: '0'")):
            config = self.root / "c.toml"
            config.write_text(text + "\n")
            with self.subTest(text=text):
                self.mistake(2, message, *self.arguments("--config", str(config), *options))
        self.mistake(1, "more than the", "mlp", "--data", str(self.data), "--vary=batch=32,1000",
                     "-o", str(self.folder))
        self.mistake(1, "no model 'mpl'", "--data", str(self.data), "--vary=model=mlp,mpl", "-o", str(self.folder))

    def test_a_full_disk_is_no_divergence(self):
        done = subprocess.run(["sh", "-c", 'ulimit -f 40; exec "$@"', "sh", program.path(),
                               "train", *self.arguments("--vary=norm=batch,none", "--hidden=64,64")],
                              capture_output=True, check=False, encoding="utf-8")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"equipoise train --resume {self.folder}\n", done.stderr)

    def test_a_folder_of_other_trainings_is_not_gone_on_with(self):
        self.vary("--vary=norm=batch,none", "--epochs=1")
        done = self.train("--vary=norm=batch,none", "--epochs=2")
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("not empty", done.err)

    def test_what_varies_takes_precedence_over_a_file(self):
        self.vary("--vary=lr=0.1,0.2", "--epochs=1")
        done = Run("train", "--config", str(self.folder / "lr=0.1" / "config.toml"), "--vary=lr=0.3,0.4",
                   "-o", str(self.root / "again"))
        self.assertEqual(done.code, 0, done.err)
        self.assertIn("lr = 0.4\n", (self.root / "again" / "lr=0.4" / "config.toml").read_text())

    def test_a_folder_that_is_taken_is_not_touched(self):
        self.folder.mkdir()
        (self.folder / "notes").write_text("mine")
        done = self.train("--vary=norm=batch,none")
        self.assertEqual(done.code, 1)
        self.assertIn("not empty", done.err)
        self.assertEqual(os.listdir(self.folder), ["notes"])


if __name__ == "__main__":
    main()
