#include "loader_source.h"

#include <optional>

namespace equipoise::program {

std::span<const Input> LoaderSource::next() {
  const std::optional<Batch> batch = loader_.next();
  if (!batch) return {};
  inputs_ = {Input{"image", batch->images}, Input{"labels", batch->labels}};
  return inputs_;
}

std::span<const std::int32_t> LoaderSource::labels() const {
  const ConstTensorView& labels = inputs_[1].value;
  return {static_cast<const std::int32_t*>(labels.data),
          static_cast<std::size_t>(labels.shape.element_count())};
}

}  // namespace equipoise::program
