"""`equipoise train`: the settings of a run, and what it says to mistakes in them."""

import re
import shutil

from made_images import make_image_folder, make_images, write_idx
from program import Run, main
from run_folder import everything
from train_case import Train, mlp


class Config(Train):
    """config.toml has every setting of the run but those of WITHOUT_VALUE, so that no other default changes what goes on by it."""

    NO_SETTINGS = {"help", "config", "output", "resume", "json", "vary", "seeds"}
    BATCH_NORM = {"momentum", "cumulative", "biased-variance", "no-update-running", "statistics"}
    # Of an MLP by SGD.
    WITHOUT_VALUE = {
        **dict.fromkeys(("classes",), "as many as the data set has"),
        **dict.fromkeys(("dropout", "stochastic-depth"), "the network's own, for which its name stands"),
        **dict.fromkeys(("vocabulary", "length", "width", "heads", "layers", "mlp-width"), "of a network of text"),
        **dict.fromkeys(("groups", "window", "pseudo-count", "ghost-batch", "renorm"), "of other normalizations"),
        **dict.fromkeys(("freeze", "frozen-norms"), "nothing is frozen"),
        **dict.fromkeys(("milestones", "lr-factor"), "of another schedule"),
        **dict.fromkeys(("adamw-betas", "adamw-epsilon"), "of another optimizer"),
        **dict.fromkeys(("clip-norm", "ema", "ema-recalibrate", "save-every", "evaluate-every"), "off"),
        **dict.fromkeys(("layout", "plan"), "as the machine is fastest, plan by plan"),
        "validation-data": "images are held out",
    }

    def test_has_every_setting_and_makes_the_run_again(self):
        listed = set(re.findall(r"(?m)^  (?:-\w,)?--([\w-]+)", Run("train", "--help").out)) - self.NO_SETTINGS
        self.assertLess(set(self.WITHOUT_VALUE), listed)
        others = str(make_images(self.root / "others", training=60, seed=2))
        for options, with_value, without in (
                ([], set(), set()),
                (["--optimizer=adamw"], {"adamw-betas", "adamw-epsilon"}, {"sgd-momentum", "nesterov"}),
                (["--schedule=step", "--milestones=1"], {"milestones", "lr-factor"}, {"final-lr"}),
                (["--norm=group", "--hidden=64"], {"groups"}, self.BATCH_NORM),
                (["--norm=none"], set(), {*self.BATCH_NORM, "epsilon"}),
                (["--statistics=blend"], {"pseudo-count"}, set()),
                (["--cumulative"], set(), {"momentum"}),
                (["--freeze=fc1.*"], {"freeze", "frozen-norms"}, set()),
                ([f"--validation-data={others}"], {"validation-data"}, {"validation-fraction"})):
            with self.subTest(options=options):
                done = self.train(*options)
                self.assertEqual(done.code, 0, done.err)
                config = (self.folder / "config.toml").read_text()
                written = set(re.findall(r"(?m)^([\w-]+) = ", config))
                self.assertEqual(listed - written, (set(self.WITHOUT_VALUE) - with_value) | without)
                again = self.root / "again"
                done = Run("train", "--config", str(self.folder / "config.toml"), "-o", str(again))
                self.assertEqual(done.code, 0, done.err)
                self.assertEqual(everything(again), everything(self.folder))
                self.assertEqual((again / "config.toml").read_text(), config)
            shutil.rmtree(self.folder)
            shutil.rmtree(again)

    def test_has_what_is_done_to_images_of_several_sizes(self):
        self.data = make_image_folder(self.root / "photos", 40)
        for options, expected in (
                ([], {"resize": "14", "crop": '"resized"', "flip": "0.5", "interpolation": '"bilinear"'}),
                (["--crop=random", "--padding=1", "--resize=20", "--interpolation=bicubic"],
                 {"resize": "20", "crop": '"random"', "flip": "0.5", "interpolation": '"bicubic"'})):
            done = self.train("--size=12", "--batch=8", *options)
            self.assertEqual(done.code, 0, done.err)
            config = (self.folder / "config.toml").read_text()
            for key, value in expected.items():
                self.assertIn(f"\n{key} = {value}\n", config)
            done = Run("train", "--config", str(self.folder / "config.toml"), "-o", str(self.root / "again"))
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(everything(self.root / "again"), everything(self.folder))
            shutil.rmtree(self.folder)
            shutil.rmtree(self.root / "again")


class Mistakes(Train):
    def test_numbers_out_of_range(self):
        for option, value, text in (("--lr", "0", "'0' is not a number > 0"), ("--lr", "-1", "'-1'"),
                                    ("--lr", "nan", "'nan'"), ("--batch", "0", "'0'"),
                                    ("--epochs", "0", "'0'"), ("--validation-fraction", "1", "'1'"),
                                    ("--accumulate", "0", "'0'"), ("--clip-norm", "0", "'0'"), ("--flip", "2", "'2'"), ("--seed", "-1", "'-1'"),
                                    ("--optimizr", "sgd", "--optimizr")):
            self.mistake(2, text, *self.arguments(f"{option}={value}"))

    def test_options_of_the_other_optimizer(self):
        for optimizer, option, value in (("sgd", "--adamw-betas", "0.9,0.99"), ("sgd", "--adamw-epsilon", "1e-6"),
                                         ("adamw", "--sgd-momentum", "0.9"), ("adamw", "--nesterov", "true")):
            self.mistake(2, f"{option}: is of --optimizer", *self.arguments("--optimizer", optimizer, f"{option}={value}"))
        self.mistake(2, "--ema-recalibrate: is of --ema", *self.arguments("--ema-recalibrate=9"))
        self.mistake(2, "--ema", *self.arguments("--ema=1"))
        self.mistake(2, "adam", *self.arguments("--optimizer", "adam"))
        self.mistake(2, "--adamw-betas", *self.arguments("--optimizer=adamw", "--adamw-betas=0.9,1"))
        self.mistake(2, "--adamw-betas", *self.arguments("--optimizer=adamw", "--adamw-betas=0.9"))

    def test_options_that_would_do_nothing(self):
        for text, *options in (
                ("--milestones: is of --schedule step", "--milestones=1"),
                ("--lr-factor: is of --schedule step", "--lr-factor=0.5", "--schedule=constant"),
                ("--schedule: step takes --milestones", "--schedule=step"),
                ("--final-lr: is of --schedule cosine", "--final-lr=0.01", "--schedule=constant"),
                ("--warmup: is longer than the training", "--warmup=2.5", "--schedule=constant"),
                ("--frozen-norms: is of --freeze", "--frozen-norms=batch")):
            self.mistake(2, text, *self.arguments(*options))

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
        self.mistake(1, "takes no images", "encoder", "--data", str(self.data))
        labels = self.data / "train-labels-idx1-ubyte"
        write_idx(labels, (260,), [0] * 260)
        write_idx(self.data / "t10k-labels-idx1-ubyte", (40,), [0] * 40)
        self.mistake(1, "class", *self.arguments())

    def test_folders(self):
        self.folder.write_text("a file")
        done = Run("train", *self.arguments())
        self.assertEqual(done.code, 1)
        self.assertIn("is there already", done.err)
        self.assertEqual(self.folder.read_text(), "a file")
        self.folder.unlink()
        self.mistake(1, "cannot use folder '/proc/absent/run'", *mlp(), "--data", str(self.data),
                     "-o", "/proc/absent/run")

    def test_settings_of_a_file(self):
        config = self.root / "c.toml"
        for text, message in (("epoch = 3", "line 1: there is no setting 'epoch'; did you mean 'epochs'"),
                              ("\nlr = -1", "line 2: "), ("lr = fast", "line 1: 'fast' is no number"),
                              ("nesterov = 3", "'nesterov' is true or false"),
                              ("momentum = 0.2\ncumulative = true", "excludes"),
                              ("lr = [0.1, 0.2]", "line 1: 'lr' is one value, not a list"),
                              ("norm = 'bacth'", "line 1: --norm: 'bacth' is none of"),
                              ('resume = "x"', "there is no setting 'resume'"), ("[train]", "section")):
            config.write_text(text)
            self.mistake(2, message, *self.arguments("--config", str(config)))


main()
