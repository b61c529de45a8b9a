#include <fmt/format.h>

#include "equipoise/error.h"
#include "images/check.h"
#include "images/resample.h"

namespace equipoise {
namespace images {

Image resize_part(const Image& image, int width, int height, Interpolation interpolation,
                  const Box& box, const Part& part) {
  check_size(part.width, part.height, image.channels);  // before there are coefficients of it
  const Axis x{.source_size = image.width,
               .from = box.left,
               .to = box.right,
               .size = width,
               .begin = part.left,
               .end = part.left + part.width};
  const Axis y{.source_size = image.height,
               .from = box.top,
               .to = box.bottom,
               .size = height,
               .begin = part.top,
               .end = part.top + part.height};
  if (y.copies()) {
    if (x.copies()) return crop(image, part.left, part.top, part.width, part.height);
    return resample_columns(image, make_coefficients(x, interpolation), y.begin, y.end);
  }
  const Coefficients rows = make_coefficients(y, interpolation);
  if (x.copies()) {
    const Image columns =
        crop(image, part.left, rows.begin(), part.width, rows.end() - rows.begin());
    return resample_rows(columns, rows, rows.begin());
  }
  const Coefficients columns = make_coefficients(x, interpolation);
  return resample_rows(resample_columns(image, columns, rows.begin(), rows.end()), rows,
                       rows.begin());
}

}  // namespace images

Image resize(const Image& image, int width, int height, Interpolation interpolation,
             const std::optional<Box>& box) {
  images::check(image);
  const Box all{.left = 0,
                .top = 0,
                .right = static_cast<float>(image.width),
                .bottom = static_cast<float>(image.height)};
  const Box part = box.value_or(all);
  // Negated, so that NaN is refused too.
  if (!(part.left >= 0 && part.top >= 0 && part.right <= all.right && part.bottom <= all.bottom &&
        part.left < part.right && part.top < part.bottom)) {
    throw Error(fmt::format("a box from ({}, {}) to ({}, {}) is no part of an image of {} × {}",
                            part.left, part.top, part.right, part.bottom, image.width,
                            image.height));
  }
  return images::resize_part(image, width, height, interpolation, part,
                             {.left = 0, .top = 0, .width = width, .height = height});
}

}  // namespace equipoise
