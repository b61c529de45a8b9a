"""`equipoise train`: what it leaves in a run's folder, and going on with one."""

import json
import os
import pathlib
import shutil
import struct
import subprocess

import program
from made_images import make_image_folder, make_images, write_idx
from program import Run, main
from run_folder import checkpoints, everything, metrics
from train_case import Train, mlp


class Folder(Train):
    def test_metrics_have_the_documented_fields(self):
        done = self.train()
        self.assertEqual(done.code, 0, done.err)
        lines = metrics(self.folder)
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

    def test_evaluates_within_epochs_if_asked_to(self):
        done = self.train("--evaluate-every=3")
        self.assertEqual(done.code, 0, done.err)
        validation = [line for line in metrics(self.folder) if line["split"] == "validation"]
        self.assertEqual([line["step"] for line in validation], [3, 6, 8, 9, 12, 15, 16])
        evaluated, self.folder = self.folder, self.root / "other"
        self.train()
        self.assertEqual([line for line in everything(evaluated)[0] if line["step"] in (8, 16)],
                         [line for line in everything(self.folder)[0] if line["step"] in (8, 16)])

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
            shutil.rmtree(self.folder)
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
        done = Run("train", "--config", str(self.folder / "config.toml"), "-o", str(again))
        self.assertEqual(done.code, 0, done.err)
        self.assertEqual(everything(again), everything(self.folder))
        self.assertEqual((again / "config.toml").read_text(), (self.folder / "config.toml").read_text())

    def test_a_file_of_settings_may_be_changed_by_options(self):
        """What it has by default does not keep anyone from saying otherwise."""
        self.train("--norm=batch")
        config = (self.folder / "config.toml").read_text()
        for option in ("--optimizer=adamw", "--schedule=constant", "--norm=none", "--cumulative"):
            changed = self.root / option
            done = Run("train", "--config", str(self.folder / "config.toml"), "--epochs=1", option, "-o", str(changed))
            self.assertEqual(done.code, 0, done.err)
            self.assertNotEqual((changed / "config.toml").read_text(), config)

    def test_flags_may_be_given_again(self):
        self.train("--nesterov", "--nesterov", "--epochs=1")
        self.assertIn("\nnesterov = true\n", (self.folder / "config.toml").read_text())

    def test_each_optimizer_has_a_rate_and_a_decay_of_its_own(self):
        for optimizer, given, rate, decay in (("sgd", ["--nesterov"], "0.1", "0.0005"),
                                              ("adamw", ["--adamw-betas=0.8,0.99", "--adamw-epsilon=1e-6"],
                                               "0.001", "0.01")):
            self.train("--optimizer", optimizer, *given, "--epochs=10", "--norm=batch")
            losses = [line["loss"] for line in metrics(self.folder) if line["split"] == "training"]
            self.assertLess(losses[-1], losses[0])
            config = (self.folder / "config.toml").read_text()
            self.assertIn(f"\nlr = {rate}\n", config)
            self.assertIn(f"\nweight-decay = {decay}\n", config)
            again = self.root / "again"
            done = Run("train", "--config", str(self.folder / "config.toml"), "-o", str(again))
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual(everything(again), everything(self.folder))
            shutil.rmtree(self.folder)
            shutil.rmtree(again)

    def test_several_batches_make_a_step(self):
        for norm, warns in (("batch", True), ("none", False)):
            done = self.train(f"--norm={norm}", "--activation=relu", "--accumulate=3")
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual("Batch normalization takes statistics of 32 images, not of the 96 of an update"
                             in done.err, warns, done.err)
            # 8 batches are 3 steps, the last of them of 2.
            self.assertEqual([(line["step"], line["split"]) for line in metrics(self.folder)],
                             [(3, "training"), (3, "validation"), (6, "training"), (6, "validation")])
            shutil.rmtree(self.folder)

    def test_statistics_of_batches_are_warned_of_only_where_some_are_taken(self):
        for options, warns in ((["--freeze=norm*"], False), (["--freeze=norm*", "--frozen-norms=batch"], True),
                               (["--freeze=fc1*"], True), (["--statistics=running"], False)):
            done = self.train("--norm=batch", "--activation=relu", "--accumulate=3", "--epochs=1", *options)
            self.assertEqual(done.code, 0, done.err)
            self.assertEqual("Batch normalization takes statistics of" in done.err, warns, done.err)
            shutil.rmtree(self.folder)

    def test_the_model_has_averaged_weights_with_statistics_of_their_own(self):
        document = self.train("--norm=batch", "--activation=relu", "--epochs=4", "--ema=0.9", "--json").document()
        lines = [line for line in metrics(self.folder) if line["split"].startswith("validation")]
        self.assertEqual([line["split"] for line in lines], ["validation", "validation_ema"] * 4)
        averaged = lines[1::2]
        self.assertNotEqual(averaged[-1]["loss"], lines[-2]["loss"])
        self.assertEqual(document["validation_ema"]["loss"], averaged[-1]["loss"])
        best = max(averaged, key=lambda line: line["accuracy"])
        self.assertEqual(document["best"]["accuracy"], best["accuracy"])
        evaluated = Run("evaluate", str(self.folder / "model.onnx"), "--data", str(self.data), "--split=validation",
                        "--validation-fraction=0.1", "--json").document()
        self.assertEqual(evaluated["accuracy"], best["accuracy"])
        self.assertAlmostEqual(evaluated["loss"], best["loss"], places=5)

    def test_averaged_weights_may_be_recalibrated_over_fewer_images(self):
        self.train("--norm=batch", "--activation=relu", "--ema=0.9")
        of_all = metrics(self.folder)
        shutil.rmtree(self.folder)
        self.train("--norm=batch", "--activation=relu", "--ema=0.9", "--ema-recalibrate=40")
        for line, of_some in zip(of_all, metrics(self.folder)):
            (self.assertNotEqual if line["split"] == "validation_ema" else self.assertEqual)(
                line["loss"], of_some["loss"])

    def test_clipping_is_by_the_norm_of_all_gradients(self):
        # At this rate, weights would go to infinity.
        done = self.train("--norm=none", "--weight-decay=0", "--lr=1e30", "--clip-norm=1e-30")
        self.assertEqual(done.code, 0, done.err)
        self.assertNotIn("changed nothing", done.err)
        self.assertIn("\nclip-norm = 1e-30\n", (self.folder / "config.toml").read_text())

    def test_weight_decay_of_all_parameters(self):
        ends = []
        for option in ((), ("--decay-norms-and-biases",)):
            self.train("--norm=batch", "--weight-decay=0.1", *option)
            ends.append(everything(self.folder))
            shutil.rmtree(self.folder)
        self.assertNotEqual(*ends)

    def test_lean_memory_gives_the_same_bits(self):
        self.train("--norm=batch", "--activation=relu")
        usual = everything(self.folder)
        shutil.rmtree(self.folder)
        self.train("--norm=batch", "--activation=relu", "--memory=lean")
        self.assertEqual(everything(self.folder), usual)
        self.assertIn('\nmemory = "lean"\n', (self.folder / "config.toml").read_text())

    def test_options_go_before_the_config(self):
        config = self.root / "c.toml"
        config.write_text(f'# mine\nmodel = "mlp"\nhidden = [16, 8]\ndata = "{self.data}"\nlr = 0.5\nepochs = 7\n')
        done = Run("train", "--config", str(config), "--epochs", "1", "-o", str(self.folder))
        self.assertEqual(done.code, 0, done.err)
        written = (self.folder / "config.toml").read_text()
        self.assertIn("\nepochs = 1\n", written)
        self.assertIn("\nlr = 0.5\n", written)
        self.assertIn("\nhidden = [16, 8]\n", written)

    def test_all_threads_give_the_seed_its_meaning(self):
        self.train("--seed", "1")
        one = everything(self.folder)
        shutil.rmtree(self.folder)
        self.train("--seed", "1", "--workers", "3")
        self.assertEqual(everything(self.folder)[0], one[0])
        shutil.rmtree(self.folder)
        self.train("--seed", "2")
        self.assertNotEqual(everything(self.folder)[0], one[0])

    def test_a_last_batch_of_one_is_left_out(self):
        self.data = make_images(self.root / "odd", training=72, classes=4)
        for options in (["--norm=batch"], ["--norm=batch", "--freeze=norm*", "--frozen-norms=batch"],
                        ["--norm=batch", "--statistics=blend"], ["--norm=batch", "--ghost-batch=4"],
                        ["--norm=batch", "--statistics=running"]):
            done = self.train("--validation-fraction=0", "--batch=71", *options)
            self.assertEqual(done.code, 0, done.err)
            self.assertIn("one of 72 images is left out of each epoch", done.err)
            self.assertNotIn("changed nothing", done.err)
            self.assertEqual(metrics(self.folder)[-1]["step"], 2)
            shutil.rmtree(self.folder)

    def test_a_last_batch_of_one_stays_where_nothing_needs_more(self):
        self.data = make_images(self.root / "odd", training=72, classes=4)
        for options in (["--norm=none"], ["--norm=layer"], ["--norm=batch", "--freeze=norm*"],
                        ["--norm=batch", "--statistics=running", "--no-update-running"]):
            done = self.train("--validation-fraction=0", "--batch=71", *options)
            self.assertEqual(done.code, 0, done.err)
            self.assertNotIn("left out", done.err)
            self.assertNotIn("changed nothing", done.err)
            self.assertEqual(metrics(self.folder)[-1]["step"], 4)
            shutil.rmtree(self.folder)
        # Of one image, each channel has a value per position.
        done = Run("train", "resnet8", "--data", str(self.data), "--validation-fraction=0", "--batch=71", "--epochs=1",
                   "--threads=1", "-o", str(self.folder))
        self.assertEqual(done.code, 0, done.err)
        self.assertNotIn("changed nothing", done.err)
        self.assertEqual(metrics(self.folder)[-1]["step"], 2)

    def test_images_that_are_skipped_are_told_of_once(self):
        self.data = make_image_folder(self.root / "photos", 12)
        broken = {f"'{self.data}/{label}/broken-{number}.ppm'" for label in "ab" for number in range(3)}
        for name in broken:
            pathlib.Path(name.strip("'")).write_bytes(b"P6 12 12 255 ")
        done = self.train("--on-bad-image=skip", "--validation-fraction=0.4", "--batch=8", "--size=12", "--json")
        self.assertEqual(done.code, 0, done.err)
        told = [line for line in done.err.splitlines() if line.startswith("Skipped: ")]
        self.assertEqual(sorted(told), [f"Skipped: {name} (PNM): it is cut off" for name in sorted(broken)])
        skipped = done.document()["skipped"]
        self.assertEqual({image["image"] for image in skipped}, broken)
        self.assertTrue(all(image["reason"] for image in skipped))

    def test_a_folder_may_have_any_name(self):
        folder = os.fsencode(self.root) + b"/bad\xff"
        done = subprocess.run([program.path(), "train", *mlp("--epochs=1"), "--data", str(self.data), "--json", "-o", folder],
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(json.loads(done.stdout)["run"].endswith("bad\ufffd"))

    def test_without_validation_there_is_none(self):
        document = self.train("--validation-fraction", "0", "--json").document()
        self.assertIsNone(document["validation"])
        self.assertIsNone(document["best"])

    def test_records_of_events_hold_together(self):
        self.train()
        [path] = self.folder.glob("events.out.tfevents.*")
        data, records = path.read_bytes(), 0
        while data:
            length = struct.unpack("<Q", data[:8])[0]
            self.assertGreaterEqual(len(data), length + 16)
            data = data[length + 16:]
            records += 1
        self.assertEqual(records, 1 + len(metrics(self.folder)))

    def test_tensorboard_reads_them(self):
        try:
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        except ImportError:
            self.skipTest("TensorBoard is not installed")
        self.train()
        events = EventAccumulator(str(self.folder))
        events.Reload()
        self.assertEqual(set(events.Tags()["scalars"]),
                         {"loss/training", "accuracy/training", "learning_rate", "loss/validation",
                          "accuracy/validation"})
        for split in ("training", "validation"):
            for key in ("loss", "accuracy"):
                expected = [line for line in metrics(self.folder) if line["split"] == split]
                read = events.Scalars(f"{key}/{split}")
                self.assertEqual([event.step for event in read], [line["step"] for line in expected])
                for event, line in zip(read, expected):
                    self.assertAlmostEqual(event.value, line[key], places=6)


class GoingOn(Train):
    def resume(self, text):
        """It fails with this, and changes nothing."""
        before = everything(self.folder)
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1, done.err)
        self.assertIn(text, done.err)
        self.assertEqual(everything(self.folder), before)

    def test_is_on_the_same_data(self):
        self.train()
        labels = self.data / "train-labels-idx1-ubyte"
        write_idx(labels, (260,), [(i + 1) % 4 for i in range(260)])
        self.resume(f"data set '{self.data}' has other classes, or images of others, than the run began with")
        shutil.rmtree(self.data)
        make_images(self.data, training=200)
        self.resume(f"'{checkpoints(self.folder)[-1]}': data set '{self.data}' has 180 training images; the run began with 232")

    def test_a_damaged_line_of_metrics_is_named(self):
        self.train()
        path = self.folder / "metrics.jsonl"
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join([lines[0], "{\n", *lines[1:]]))
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1, done.err)
        self.assertIn(f"'{path}', line 2: it is no metric; remove the line to go on", done.err)
        path.write_text("".join(lines))
        self.assertEqual(Run("train", "--resume", str(self.folder)).code, 0)
        self.assertEqual(path.read_text(), "".join(lines))


main()
