#pragma once

#include <cstdint>

#include "norm/gradient.h"
#include "norm/tile_moments.h"
#include "norm/walk.h"

namespace equipoise::norm {

/// Σ dz and Σ dz·(x − m) of one channel in a tile.
struct GradientSums {
  double dz = 0;
  double products = 0;

  GradientSums& operator+=(const GradientSums& other) {
    dz += other.dz;
    products += other.products;
    return *this;
  }
};

/// Into dbias and dweight, as far as they are wanted.
void write_parameter_gradient(const NormBackward& out, std::int64_t parameter,
                              const GradientSums& sums);

/// Runs kernel 3 on a tile of blocks [l0, l1) and adds up the lanes of each channel, into one sum
/// and one product per channel. Sums that overflow are formed again from smaller terms.
void gradient_sums(const Walk& walk, std::int64_t l0, std::int64_t l1, GradientMomentsTile tile,
                   const LaneScratch& scratch, double* dz, double* products);

}  // namespace equipoise::norm
