#pragma once

#include "images/decoders.h"

namespace equipoise::images {

/// What Exif data (the TIFF header and what follows, with or without "Exif\0\0" in front) say: 1 to
/// 8, and 1 where they say nothing or are damaged.
int exif_orientation(Bytes exif);

/// As a viewer shows it: mirrored and turned as the orientation says.
Image oriented(Image image, int orientation);

}  // namespace equipoise::images
