#!/usr/bin/python3
"""Images per second of one core, ours and Pillow's in turn: beside_pillow.py [ROUNDS [SECONDS]]

Makes JPEG files of the size of ImageNet's (500 × 375) and of photographs (2000 × 1500), and compares the
bytes of the results, too. Wants build/release/bench/image_bench, and a quiet machine.
"""

import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

from PIL import Image, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CONTENDERS = {
    "Equipoise": [str(ROOT / "build/release/bench/image_bench")],
    "Pillow": ["/usr/bin/python3", str(ROOT / "bench/peers/pillow_images.py")],
}


def make_files(folder, count, width, height):
    """Smooth shapes and some grain; about as many bits per pixel as photographs have."""
    files = []
    for i in range(count):
        coarse = Image.frombytes("RGB", (16, 12), random.randbytes(16 * 12 * 3))
        grain = Image.frombytes("RGB", (width, height), random.randbytes(width * height * 3))
        image = Image.blend(coarse.resize((width, height), Image.Resampling.BICUBIC),
                            grain.filter(ImageFilter.GaussianBlur(0.9)), 0.5)
        files.append(f"{folder}/{width}-{i}.jpg")
        image.save(files[-1], quality=90)
    return files


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    seconds = sys.argv[2] if len(sys.argv) > 2 else "0.7"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        small = make_files(folder, 32, 500, 375)
        large = make_files(folder, 4, 2000, 1500)
        for way, files in (("train", small), ("evaluate", small), ("evaluate", large)):
            kilobytes = sum(pathlib.Path(file).stat().st_size for file in files) / len(files) / 1000
            speeds = {name: [] for name in CONTENDERS}
            sums = {}
            for _ in range(rounds):
                for name, command in CONTENDERS.items():
                    answer = subprocess.run([*command, way, seconds, *files], check=True,
                                            stdout=subprocess.PIPE, text=True).stdout.split()
                    speeds[name].append(float(answer[0]))
                    sums[name] = answer[1]
            ours, theirs = (statistics.median(of) for of in speeds.values())
            same = "the same bytes" if len(set(sums.values())) == 1 else f"DIFFERENT BYTES {sums}"
            size = pathlib.Path(files[0]).name.split("-")[0]
            print(f"{way:9} {size:>5} wide, {kilobytes:4.0f} kB: Equipoise {ours:6.0f} images/s, "
                  f"Pillow {theirs:6.0f}, {ours / theirs:.2f} times; {same}", flush=True)


if __name__ == "__main__":
    main()
