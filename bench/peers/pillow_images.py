#!/usr/bin/python3
"""What bench/images/image_bench.cc does, with Pillow: pillow_images.py train|evaluate SECONDS FILE..."""

import sys
import time

from PIL import Image


def for_training(file, i):
    image = Image.open(file).convert("RGB")
    width = image.width * (3 + i % 7) // 10
    height = image.height * (3 + i % 7) // 10
    left = (image.width - width) // 2
    top = (image.height - height) // 3
    return image.resize((224, 224), Image.Resampling.BILINEAR,
                        box=(left, top, left + width, top + height))


def for_evaluation(file, _):
    image = Image.open(file)
    image.draft("RGB", (256, 256))
    image = image.convert("RGB")
    wide = image.width > image.height
    width = 256 * image.width // image.height if wide else 256
    height = 256 if wide else 256 * image.height // image.width
    left, top = (width - 224) // 2, (height - 224) // 2
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return image.crop((left, top, left + 224, top + 224))


def byte_sum(image):
    return sum(value % 256 * count for value, count in enumerate(image.histogram()))


def main():
    make = for_training if sys.argv[1] == "train" else for_evaluation
    seconds, files = float(sys.argv[2]), sys.argv[3:]
    passes, total, begin = 0, 0, time.perf_counter()
    while (elapsed := time.perf_counter() - begin) < seconds:
        for i, file in enumerate(files):
            image = make(file, i)
            if passes == 0:
                total += byte_sum(image)
        passes += 1
    print(f"{passes * len(files) / elapsed:.1f} {total}")


if __name__ == "__main__":
    main()
