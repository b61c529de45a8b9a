"""The program and its command `inspect`: inspect_test.py <program>"""

import json
import math
import os
import pathlib
import pty
import re
import tempfile
import unittest

import program
from program import Run

PARAMETER = re.compile(r"^  parameter (\S+): \(([\d, ]*)\)", re.MULTILINE)


def models():
    """As the help lists them."""
    listed = Run("inspect", "--help").out.split("Models:\n")[1].split("\n\n")[0]
    return listed.split()


class Help(unittest.TestCase):
    def test_of_the_program_names_its_commands(self):
        run = Run("--help")
        self.assertEqual(run.code, 0)
        self.assertIn("inspect", run.out)

    def test_of_a_command_has_examples_and_fits_a_terminal(self):
        run = Run("inspect", "--help")
        self.assertEqual(run.code, 0)
        self.assertIn("Examples:", run.out)
        self.assertLessEqual(max(map(len, run.out.splitlines())), 80)

    def test_the_version_is_one_line(self):
        run = Run("--version")
        self.assertEqual(run.code, 0)
        self.assertRegex(run.out, r"^equipoise \d+\.\d+\.\d+\n$")


class Table(unittest.TestCase):
    def test_has_the_parameters_of_resnet18(self):
        run = Run("inspect", "resnet18")
        self.assertEqual((run.code, run.err), (0, ""))
        self.assertRegex(run.out, r"(?m)^total +11,689,512 ")
        self.assertIn("11,689,512 trained, 0 frozen", run.out)

    def test_columns_line_up(self):
        lines = Run("inspect", "efficientnet_b0").out.splitlines()
        at = next(line for line in lines if line.startswith("layer")).index("output")
        layers = [line for line in lines if line.startswith("features.") and "(1, " in line]
        self.assertGreater(len(layers), 100)
        self.assertEqual({line.index("(1, ") for line in layers}, {at})

    def test_shows_what_each_normalization_is_set_to(self):
        out = Run("inspect", "resnet8", "--norm", "group", "--groups", "4", "--epsilon", "0.001",
                  "--zero-gamma").out
        self.assertRegex(out, r"(?m)^bn1 +group +16 +4 +\(4, 32, 32\) +0\.001 +own +1 +0$")
        self.assertRegex(out, r"(?m)^layer1\.0\.bn2 +group .* 0 +0$")

        out = Run("inspect", "resnet8", "--momentum", "0.2").out
        self.assertRegex(out, r"(?m)^bn1 +batch +16 +\(N, 32, 32\) +1e-05 +momentum 0\.2, unbiased +batch → running ")
        self.assertIn("n − 1 (unbiased)", out)

    def test_shows_the_activation_of_an_mlp(self):
        for activation in ("sigmoid", "tanh", "relu", "relu6", "leaky_relu", "silu", "gelu", "hard_swish", "hard_sigmoid"):
            with self.subTest(activation):
                out = Run("inspect", "mlp", "--norm", "none", "--activation", activation).out
                self.assertRegex(out, rf"(?m)^activation1 +activate +{activation}\b")

    def test_is_colored_on_a_terminal_alone(self):
        def on_a_terminal(**environment):
            main_end, program_end = pty.openpty()
            Run("inspect", "mlp", stdout=program_end, TERM="xterm", **environment)
            os.close(program_end)
            text = os.read(main_end, 1 << 16)
            os.close(main_end)
            return text

        self.assertNotIn("\033", Run("inspect", "mlp").out)
        self.assertIn(b"\033[1m", on_a_terminal(NO_COLOR=""))
        self.assertNotIn(b"\033", on_a_terminal(NO_COLOR="1"))

    def test_every_model_has_one(self):
        self.assertGreater(len(models()), 10)
        for model in models():
            with self.subTest(model):
                run = Run("inspect", model)
                self.assertEqual((run.code, run.err), (0, ""))
                self.assertIn("\ntotal ", run.out)


class Document(unittest.TestCase):
    def test_totals_are_the_sums_of_layers_and_of_the_graph(self):
        document = Run("inspect", "efficientnet_b0", "--freeze", "features.0.*", "--json", "--graph",
                       "--batch", "3").document()
        self.assertEqual((document["kind"], document["version"]), ("inspect", 1))
        totals, layers = document["totals"], document["layers"]
        for what in ("trained", "frozen", "buffers"):
            self.assertEqual(totals[what], sum(layer[what] for layer in layers))
        self.assertAlmostEqual(totals["flops"], sum(layer["flops"] for layer in layers), delta=1)
        self.assertAlmostEqual(totals["flops_per_sample"], totals["flops"] / 3, delta=1)

        self.assertEqual(totals["frozen"], 32 * 3 * 9 + 2 * 32)
        kept = sum(math.prod(map(int, dimensions.split(", ")))
                   for _, dimensions in PARAMETER.findall(document["graph"]))
        self.assertEqual(totals["trained"] + totals["frozen"], kept)
        self.assertEqual(totals["parameter_bytes"], 4 * kept)

    def test_has_the_constants_of_each_normalization(self):
        norms = Run("inspect", "resnet18", "--momentum", "0.2", "--batch", "2", "--json").document()["norms"]
        self.assertEqual(len(norms), 20)
        first = norms[0]
        self.assertEqual((first["name"], first["kind"], first["channels"]), ("bn1", "batch_norm", 64))
        self.assertEqual(first["over"], [2, 112, 112])
        self.assertEqual((first["training_statistics"], first["inference_statistics"]),
                         ("batch", "running"))
        self.assertEqual(first["rule"], {"averaging": "momentum", "variance": "unbiased", "momentum": 0.2})
        self.assertEqual(first["running_var"], {"name": "bn1.running_var", "min": 1, "max": 1})

    def test_has_each_option_of_a_normalization(self):
        def first(*options):
            return Run("inspect", "resnet8", *options, "--json").document()["norms"][0]

        def rule(*options):
            return first(*options)["rule"]

        plain = {"averaging": "momentum", "variance": "unbiased", "momentum": 0.1}
        self.assertEqual(rule(), plain)
        self.assertEqual(rule("--momentum", "0.01"), plain | {"momentum": 0.01})
        self.assertEqual(rule("--biased-variance"), plain | {"variance": "biased"})
        self.assertEqual(rule("--cumulative", "--biased-variance"),
                         {"averaging": "cumulative", "variance": "biased"})
        self.assertEqual(rule("--window", "50"), {"averaging": "windowed", "variance": "unbiased", "window": 50})
        self.assertEqual(first("--epsilon", "0.001")["epsilon"], 0.001)
        self.assertTrue(first()["update_running"])
        self.assertFalse(first("--no-update-running")["update_running"])
        self.assertEqual(first("--statistics", "running")["training_statistics"], "running")
        self.assertEqual(first("--statistics", "blend")["pseudo_count"], 16)
        blend = first("--statistics", "blend", "--pseudo-count", "2.5")
        self.assertEqual((blend["training_statistics"], blend["pseudo_count"]), ("blend", 2.5))
        ghost = first("--ghost-batch", "8", "--batch", "32")
        self.assertEqual((ghost["ghost_batch_size"], ghost["over"]), (8, [8, 32, 32]))
        self.assertEqual(first("--renorm", "3,5")["renorm"], {"r_max": 3, "d_max": 5})
        self.assertEqual(first("--norm", "group", "--groups", "4")["groups"], 4)
        for kind in ("layer", "instance", "group", "rms"):
            self.assertEqual(first("--norm", kind, "--epsilon", "0.01")["epsilon"], 0.01)

    def test_of_layer_like_normalization_says_what_it_is_over(self):
        norms = Run("inspect", "encoder", "--width", "64", "--json").document()["norms"]
        self.assertEqual({norm["kind"] for norm in norms}, {"layer_norm"})
        self.assertEqual(norms[0]["over"], [64])
        self.assertIsNone(norms[0]["running_mean"])

    def test_goes_to_the_file_of_o(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "mlp.json"
            run = Run("inspect", "mlp", "--json", "-o", str(path))
            self.assertEqual((run.code, run.out, run.err), (0, "", ""))
            self.assertEqual(json.loads(path.read_text("utf-8"))["model"]["name"], "mlp")


class Plan(unittest.TestCase):
    # Where no vector instruction set has a fast one: the weight gradient of a convolution of one
    # channel in blocked8.
    declining = ("inspect", "resnet8", "--input-channels", "1", "--mode", "training", "--layout", "blocked8",
                 "--explain")

    def test_names_what_fused_steps_are_made_of(self):
        run = Run("inspect", "resnet8", "--explain")
        self.assertEqual(run.code, 0)
        self.assertIn("made of layer1.0.conv2 + layer1.0.bn2 + layer1.0.add + layer1.0.relu\n", run.out)
        self.assertIn("  layer1.0.bn2 folded  ", run.out)

    def test_says_why_an_implementation_declined(self):
        self.assertRegex(Run(*self.declining).out, r"declined: onednn.*: oneDNN has")

    def test_is_the_same_in_the_document(self):
        plan = Run(*self.declining, "--json").document()["plan"]
        self.assertEqual(plan["mode"], "training")
        self.assertGreater(plan["arena_bytes"], 0)
        self.assertIn("fuse_norms", [step["name"] for step in plan["passes"]])
        declined = [one for step in plan["steps"] for one in step["declined"]]
        self.assertTrue(any(one["reason"].startswith("oneDNN has") for one in declined))
        self.assertIn(plan["gate"], [step["name"] for step in plan["steps"]])

    def test_with_lean_memory_repeats_normalizations(self):
        lean = Run("inspect", "resnet18", "--mode", "training", "--memory", "lean", "--explain")
        self.assertEqual(lean.code, 0, lean.err)
        self.assertRegex(lean.out, r"layer1\.0\.bn1\.repeat +batch_norm_repeat")

    def test_without_a_pass_is_another_one(self):
        training = ("inspect", "resnet8", "--explain", "--mode", "training")
        self.assertNotIn("made of", Run(*training, "--skip-pass", "fuse_norms").out)

    def test_keeps_what_is_tapped(self):
        run = Run("inspect", "mlp", "--explain", "--mode", "training", "--tap", "norm1", "--json")
        steps = run.document()["plan"]["steps"]
        self.assertIn("norm1", [step["name"] for step in steps if not step["made_of"]])


class Mistakes(unittest.TestCase):
    def expect(self, code, text, *arguments):
        run = Run(*arguments)
        self.assertEqual((run.code, run.out), (code, ""))
        self.assertTrue(run.err.startswith("equipoise: "), run.err)
        self.assertIn(text, run.err)

    def test_an_unknown_model_is_answered_with_the_nearest_and_with_all(self):
        self.expect(1, "did you mean 'resnet50'", "inspect", "resnet5")
        self.expect(1, "efficientnet_b0", "inspect", "unheard_of")

    def test_what_fails_is_told_from_what_is_asked_for_wrongly(self):
        self.expect(1, "image", "inspect", "vgg11", "--size", "8")
        self.expect(1, "did you mean 'conv1'", "inspect", "resnet18", "--explain", "--tap", "cov1")
        self.expect(1, "no parameter that", "inspect", "resnet18", "--freeze", "layer9.*")
        self.expect(1, "No such file", "inspect", "mlp", "-o", "/nowhere/mlp.json")

    def test_of_usage_have_an_exit_code_of_their_own(self):
        self.expect(2, "no command")
        self.expect(2, "bogus", "bogus")
        self.expect(2, "MODEL", "inspect")
        self.expect(2, "--bogus", "inspect", "resnet18", "--bogus")
        self.expect(2, "bach", "inspect", "resnet18", "--norm", "bach")
        self.expect(2, "'0'", "inspect", "resnet18", "--batch", "0")
        self.expect(2, "HxW", "inspect", "resnet18", "--size", "3x")
        self.expect(2, "--explain", "inspect", "resnet18", "--tap", "conv1")

    def test_options_that_the_model_has_no_use_for_are_of_usage(self):
        self.expect(2, "no batch normalization", "inspect", "mlp", "--norm", "rms", "--momentum", "0.1")
        self.expect(2, "--norm group", "inspect", "resnet18", "--groups", "8")
        self.expect(2, "no normalization", "inspect", "resnet8", "--norm", "none", "--epsilon", "0.1")
        self.expect(2, "--statistics blend", "inspect", "resnet8", "--pseudo-count", "8")
        self.expect(2, "--momentum", "inspect", "resnet8", "--no-update-running", "--momentum", "0.1")
        for option in (("--no-update-running",), ("--biased-variance",), ("--cumulative",), ("--window", "9"),
                       ("--ghost-batch", "8"), ("--renorm", "3,5"), ("--statistics", "running")):
            self.expect(2, "no batch normalization", "inspect", "resnet8", "--norm", "group", *option)

    def test_options_of_normalization_that_are_out_of_range_or_contradict_each_other(self):
        self.expect(2, "--momentum", "inspect", "resnet8", "--momentum", "1.5")
        self.expect(2, "--window", "inspect", "resnet8", "--window", "0")
        self.expect(2, "--cumulative", "inspect", "resnet8", "--cumulative", "--momentum", "0.1")
        self.expect(1, "epsilon is 0", "inspect", "resnet8", "--epsilon", "0")
        self.expect(1, "r_max is 0.5", "inspect", "resnet8", "--renorm", "0.5,5")
        self.expect(1, "renorm corrects statistics of the batch", "inspect", "resnet8", "--renorm", "3,5",
                    "--statistics", "running")
        self.expect(2, "encoder", "inspect", "resnet18", "--heads", "8")

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            run = Run("inspect", "mlp", stdout=full)
        self.assertEqual(run.code, 1)
        self.assertIn("No space left", run.err)

    def test_a_reader_that_stops_is_none(self):
        reader, writer = os.pipe()
        os.close(reader)
        run = Run("inspect", "mlp", stdout=writer)
        os.close(writer)
        self.assertEqual(run.err, "")


if __name__ == "__main__":
    program.main()
