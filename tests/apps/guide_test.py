"""The guide in docs/training.md: every command on the page does what it says, on small images that are made up."""

import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

import program

_page, _example = sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
del sys.argv[2:]

RUNTIME_MODULES = "import numpy, onnxruntime, PIL"


def write_image(path, kind, seed):
    """Of some size, with a color and stripes that are its class's. What it is, is read from how a file begins, not
    from its name."""
    rng = random.Random(seed)
    width, height = rng.randrange(34, 48), rng.randrange(34, 48)
    pixels = bytearray()
    for y in range(height):
        for x in range(width):
            light = 60 if ((x, y, x + y)[kind] + seed) // 4 % 2 else 20
            pixels += bytes(light + rng.randrange(40) + 130 * (channel == kind) for channel in range(3))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6 %d %d 255 " % (width, height) + pixels)


def blocks(language):
    """Those of the page, in its order."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", pathlib.Path(_page).read_text(encoding="utf-8"))


class Guide(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        for data, names, count in (("photos", ("cat", "dog"), 36), ("birds", ("finch", "heron", "robin"), 8)):
            for kind, name in enumerate(names):
                for number in range(count):
                    write_image(cls.root / data / name / f"{number}.jpg", kind, 100 * kind + number)
        # Of 41 × 38 pixels: halves and fractions that are rounded in another way move what is cut out of it.
        write_image(cls.root / "new.jpg", 1, 12)
        tools = cls.root / "bin"
        tools.mkdir()
        (tools / "equipoise").symlink_to(program.path())
        if _example is not None:
            (tools / "predict_image").symlink_to(_example)
        # Two threads that wait for each other are slow where tests run side by side.
        cls.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
        cls.outputs = {}
        for command in "".join(blocks("sh")).splitlines():
            if command.startswith("predict_image") and _example is None:
                continue
            done = subprocess.run(["sh", "-c", command], cwd=cls.root, env=cls.environment, check=False,
                                  capture_output=True, encoding="utf-8")
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            cls.outputs[command] = done.stdout

    def output(self, beginning):
        """Of the first command that begins so."""
        return next(output for command, output in self.outputs.items() if command.startswith(beginning))

    def best(self):
        document = subprocess.run(["equipoise", "predict", "runs/photos", "new.jpg", "--json"], cwd=self.root,
                                  env=self.environment, check=True, capture_output=True, encoding="utf-8").stdout
        return json.loads(document)["images"][0]["classes"][0]

    def test_leads_from_training_to_fine_tuning(self):
        for part in ("train resnet", "inspect", "train --resume", "evaluate", "predict", "train runs/photos"):
            self.assertTrue(any(command.startswith(f"equipoise {part}") for command in self.outputs), part)

    def test_all_commands_of_the_page_are_run(self):
        text = pathlib.Path(_page).read_text(encoding="utf-8")
        self.assertEqual(re.findall(r"(?m)^    equipoise .*$", text), [])

    def test_the_model_answers(self):
        self.assertEqual(self.best()["label"], "dog")
        self.assertIn("dog", self.output("equipoise predict").splitlines()[2])

    def test_the_example_in_cxx_answers_the_same(self):
        if _example is None:
            self.skipTest("examples are not built")
        self.assertTrue(self.output("predict_image").startswith("dog"))

    def test_the_example_with_onnx_runtime_answers_the_same(self):
        python = next((candidate for candidate in (os.environ.get("EQUIPOISE_ONNXRUNTIME_PYTHON"), sys.executable)
                       if candidate and subprocess.run([candidate, "-c", RUNTIME_MODULES], check=False,
                                                       capture_output=True).returncode == 0), None)
        if python is None:
            self.skipTest("no onnxruntime with Pillow")
        [script] = blocks("python")
        done = subprocess.run([python, "-c", script], cwd=self.root, check=False, capture_output=True, encoding="utf-8")
        self.assertEqual(done.returncode, 0, done.stderr)
        label, share = done.stdout.split()
        self.assertEqual(label, "dog")
        self.assertAlmostEqual(float(share), self.best()["probability"], delta=1e-5)


program.main()
