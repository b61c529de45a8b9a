#!/usr/bin/python3
"""Writes what Pillow makes of random images, for pillow_resize_test.cc.

pillow_resizes.py OUTPUT

Cases one behind the other, little-endian: u32 width, height and channels of the image, u32 width and
height of the result, u32 interpolation (0 bilinear, 1 bicubic, 2 box), f32 left, top, right and bottom of
the box, the bytes of the image, those of the result. Where Pillow is not installed, the file is
empty, and the reason goes to standard error.
"""

import random
import struct
import sys

try:
    from PIL import Image
except ImportError as error:
    Image = None
    reason = error


def side():
    return random.choice((1, 2, 3, random.randint(1, 20), random.randint(1, 150)))


def write(file, width, height, channels, to, interpolation, box):
    size = width * height * channels
    # Noise, or black and white, where overshoot shows.
    values = random.randbytes(size)
    if random.random() < 0.3:
        values = bytes(255 * (value & 1) for value in values)
    image = Image.frombytes("L" if channels == 1 else "RGB", (width, height), values)
    box = struct.unpack("<4f", struct.pack("<4f", *box))
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX)
    result = image.resize(to, filters[interpolation], box=box)
    file.write(struct.pack("<6I4f", width, height, channels, *to, interpolation, *box))
    file.write(values)
    file.write(result.tobytes())


def random_box(width, height):
    left = random.uniform(0, width * 0.9)
    top = random.uniform(0, height * 0.9)
    return (left, top, random.uniform(left + 0.05 * width, width),
            random.uniform(top + 0.05 * height, height))


def main():
    with open(sys.argv[1], "wb") as file:
        if Image is None:
            print(f"Pillow is not there ({reason}): install python3-pil", file=sys.stderr)
            return
        random.seed(5)
        for i in range(600):
            width, height, to = side(), side(), (side(), side())
            if i % 10 == 0:
                to = (width, to[1])
            if i % 10 == 1:
                to = (to[0], height)
            whole = (0, 0, width, height)
            write(file, width, height, (1, 3)[i % 2], to, i // 2 % 3,
                  random_box(width, height) if i % 3 == 0 else whole)
        # What trainings do.
        write(file, 500, 375, 3, (224, 224), 0, (57.0, 12.0, 350.0, 360.0))
        write(file, 640, 480, 3, (341, 256), 1, (0, 0, 640, 480))


if __name__ == "__main__":
    main()
