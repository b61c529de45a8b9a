#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "equipoise/loader.h"
#include "equipoise/train.h"

namespace equipoise::program {

/// A loader's batches as the inputs of a classifier.
class LoaderSource : public BatchSource {
 public:
  LoaderSource(DatasetPtr dataset, Pass pass, const LoaderOptions& options)
      : loader_(std::move(dataset), pass, options) {}

  void start(std::int64_t epoch, std::int64_t batch) override { loader_.start(epoch, batch); }
  std::span<const Input> next() override;
  std::int64_t batches() const override { return loader_.batches(); }

  /// Of the batch that `next` returned last.
  std::span<const std::int32_t> labels() const;
  const Loader& loader() const { return loader_; }

 private:
  Loader loader_;
  std::array<Input, 2> inputs_ = {};
};

}  // namespace equipoise::program
