"""`equipoise bench`: that it measures what it says, not how fast that is."""

import json
import pathlib
import tempfile
import unittest

from program import Run, main

SMALL = ["resnet8", "--batch", "4", "--threads", "1"]


class Bench(unittest.TestCase):
    def test_runs_have_times_and_memory(self):
        for mode in ("train", "infer"):
            document = Run("bench", mode, *SMALL, "--runs", "3", "--json").document()
            self.assertEqual(document["mode"], mode)
            self.assertEqual((document["batch"], document["size"], document["threads"]), (4, 32, 1))
            self.assertEqual(len(document["runs_ms"]), 3)
            self.assertEqual(document["minimum_ms"], min(document["runs_ms"]))
            self.assertEqual(document["median_ms"], sorted(document["runs_ms"])[1])
            self.assertGreater(document["peak_resident_mib"], document["arena_mib"])

    def test_a_profile_covers_the_plan(self):
        profile = Run("bench", "train", *SMALL, "--runs", "1", "--profile", "--json").document()["profile"]
        plan = Run("inspect", "resnet8", "--batch", "4", "--mode", "training", "--explain", "--json",
                   OMP_NUM_THREADS="1").document()["plan"]
        self.assertEqual([step["name"] for step in profile["steps"]], [step["name"] for step in plan["steps"]])
        flops = sum(step["flops"] for step in profile["steps"] if step["operation"] == "convolution")
        # Of 32 × 32 images: 12.5 million multiplications, each with an addition.
        self.assertAlmostEqual(flops / 4 / 25e6, 1, delta=0.1)
        self.assertTrue(all(step["milliseconds"] >= 0 for step in profile["steps"]))
        self.assertGreater(profile["flops_per_second"], 1e8)

    def test_lean_memory_is_less(self):
        default, lean = (Run("bench", "train", "resnet8", "--batch", "16", "--threads", "1", "--runs", "1", "--memory",
                             memory, "--json").document() for memory in ("default", "lean"))
        self.assertEqual((default["memory"], lean["memory"]), ("default", "lean"))
        self.assertLess(lean["arena_mib"], default["arena_mib"])

    def test_inference_has_one_kind_of_memory(self):
        document = Run("bench", "infer", *SMALL, "--runs", "1", "--memory", "lean", "--json").document()
        self.assertEqual(document["memory"], "default")
        self.assertIn("inference has one kind", " ".join(Run("bench", "infer", "--help").out.split()))

    def test_a_network_that_would_diverge_is_timed_all_the_same(self):
        run = Run("bench", "train", "resnet56", "--norm", "none", "--batch", "4", "--runs", "1")
        self.assertEqual(run.code, 0, run.err)

    def test_a_model_can_be_named_by_an_option(self):
        run = Run("bench", "infer", "--model", "mlp", "--runs", "1")
        self.assertEqual(run.code, 0, run.err)
        self.assertIn("mlp, inference of (1, 1, 28, 28)", run.out)

    def test_a_plan_is_measured_once_and_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "plan.json"
            arguments = ("bench", "train", *SMALL, "--runs", "1", "--plan", str(path))
            self.assertEqual(Run(*arguments).code, 0)
            measured = path.read_text("utf-8")
            self.assertGreater(len(json.loads(measured)["milliseconds"]), 5)
            self.assertEqual(Run(*arguments).code, 0)
            self.assertEqual(path.read_text("utf-8"), measured)
            path.write_text("nonsense", "utf-8")
            run = Run(*arguments)
            self.assertEqual(run.code, 1)
            self.assertIn("plan.json' is no plan", run.err)

    def test_sequences_are_made_up_too(self):
        run = Run("bench", "train", "encoder", "--batch", "3", "--length", "8", "--runs", "1")
        self.assertEqual(run.code, 0, run.err)

    def test_the_floor_has_every_product_of_a_step(self):
        document = Run("bench", "floor", *SMALL, "--json").document()
        # 7 convolutions and 2 shortcuts; no gradient of the image is wanted.
        kinds = [row["operation"] for row in document["rows"]]
        self.assertEqual(kinds.count("convolution"), 9)
        self.assertEqual(kinds.count("convolution_weight_gradient"), 9)
        self.assertEqual(kinds.count("convolution_data_gradient"), 8)
        self.assertEqual(sum(kind.startswith("linear") for kind in kinds), 3)
        self.assertAlmostEqual(document["floor_ms"], sum(row["milliseconds"] for row in document["rows"]))


class Mistakes(unittest.TestCase):
    def test_are_answered_with_the_help_that_applies(self):
        run = Run("bench", "train", "resnet8", "--runs", "0")
        self.assertEqual((run.code, run.out), (2, ""))
        self.assertIn("equipoise bench train --help", run.err)
        self.assertEqual(Run("bench").code, 2)
        self.assertEqual(Run("bench", "train", "mlp", "--model", "mlp").code, 2)


main()
