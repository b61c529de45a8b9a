#include "norm/contender.h"
#include "norm/streams.h"

namespace equipoise::bench {

std::vector<Contender> copy_contenders(DType dtype, const RotatedSets& sets, int threads) {
  const Variant variant{.layout = Layout::kChannelsFirst, .dtype = dtype};
  const std::size_t bytes = sets.tensor_bytes(dtype);
  return {{.who = "copy",
           .pass = "copy",
           .variant = variant,
           .implementation = "streaming stores",
           .run =
               [=, &sets](std::size_t set) {
                 const RotatedSets::Tensors& t = sets.tensors(set, dtype);
                 stream_copy(t.x, t.y, bytes, threads);
               }},
          {.who = "memcpy",
           .pass = "copy",
           .variant = variant,
           .implementation = {},
           .run = [=, &sets](std::size_t set) {
             const RotatedSets::Tensors& t = sets.tensors(set, dtype);
             plain_copy(t.x, t.y, bytes, threads);
           }}};
}

}  // namespace equipoise::bench
