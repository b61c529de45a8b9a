"""`equipoise train` where numbers become infinite: what it says, and what it leaves in the run's folder."""

from program import Run, main
from run_folder import checkpoints, everything, metrics
from train_case import Train


class Divergence(Train):
    def test_a_loss_that_is_not_finite_ends_it(self):
        done = Run("train", *self.arguments("--lr", "1e30", "--epochs", "10", "--norm", "none", "--activation", "relu"))
        self.assertEqual(done.code, 1)
        self.assertIn("10 steps in a row changed nothing", done.err)
        self.assertIn(f"The last checkpoint is that of step 8 in '{self.folder}'. To begin again: "
                      f"equipoise train --config {self.folder}/config.toml --lr R -o NEW", done.err)
        self.assertNotIn("--resume", done.err)

    def test_without_a_validation_loss_that_is_a_number_it_fails(self):
        done = Run("train", *self.arguments("--lr=1e30", "--norm=none", "--activation=relu", "--epochs=1"))
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("validation loss NaN", done.err)
        self.assertIn("behind no epoch was the validation loss a number", done.err)
        self.assertNotIn("(best)", done.err)

    def test_weights_that_are_not_finite_are_not_saved(self):
        done = Run("train", *self.arguments("--lr=1e30", "--weight-decay=1e30", "--norm=none", "--epochs=1"))
        self.assertEqual(done.code, 1, done.err)
        self.assertRegex(done.err, r"'fc1.weight' is no longer finite behind step 8, of which nothing was saved")
        self.assertIn("There is no checkpoint", done.err)
        self.assertEqual(checkpoints(self.folder), [])
        self.assertFalse((self.folder / "model.onnx").exists())

    def test_weights_that_are_not_finite_leave_those_before(self):
        self.train("--norm=none", "--validation-fraction=0")
        checkpoints(self.folder)[-1].unlink()
        config = self.folder / "config.toml"
        text = config.read_text()
        for setting, value in (("lr", "0.1"), ("weight-decay", "0.0005")):
            self.assertIn(f"\n{setting} = {value}\n", text)
            text = text.replace(f"\n{setting} = {value}\n", f"\n{setting} = 1e30\n")
        config.write_text(text)
        before = everything(self.folder)[1]
        done = Run("train", "--resume", str(self.folder))
        self.assertEqual(done.code, 1, done.err)
        self.assertIn("is no longer finite", done.err)
        self.assertRegex(done.err, r"The last checkpoint is that of step \d+ in ")
        self.assertEqual(everything(self.folder)[1], before)

    def test_a_refused_step_is_logged_with_what_was_not_finite_first(self):
        done = Run("train", *self.arguments("--lr", "1e30", "--norm", "none", "--most-refusals", "2"))
        self.assertEqual(done.code, 1)
        self.assertIn("2 steps in a row changed nothing", done.err)
        refused = [line for line in metrics(self.folder) if line["split"] == "refused"]
        self.assertEqual(len(refused), 2)
        for line in refused:
            self.assertEqual(list(line), ["step", "epoch", "split", "loss", "accuracy", "lr", "time", "refusal",
                                          "first_non_finite"])
            self.assertIn(f"'{line['first_non_finite']}' is not finite", line["refusal"])
            self.assertIn(f"step {line['step']} changed nothing: {line['refusal']}\n", done.err)
        self.assertEqual([line["step"] for line in refused], [refused[0]["step"], refused[0]["step"] + 1])


main()
