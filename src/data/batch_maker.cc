#include "data/batch_maker.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "base/random.h"
#include "data/permutation.h"
#include "equipoise/error.h"

namespace equipoise::data {
namespace {

std::int64_t checked(std::int64_t batch_size) {
  if (batch_size < 1) {
    throw Error(fmt::format("batches of {} images; there has to be at least one", batch_size));
  }
  return batch_size;
}

}  // namespace

BatchMaker::BatchMaker(DatasetPtr dataset, Pass pass, const LoaderOptions& options)
    : dataset_(std::move(dataset)),
      pass_(pass),
      bad_image_(options.bad_image),
      seed_(options.seed),
      batch_size_(checked(options.batch_size)),
      transform_(*dataset_, pass, options),
      image_values_(static_cast<std::size_t>(
          Shape({transform_.size().channels, transform_.size().height, transform_.size().width})
              .element_count())),
      samples_(dataset_->size()) {
  const std::int64_t rest = samples_ % batch_size_;
  if (options.last_batch == LastBatch::kDrop && rest > 0) {
    note_ = fmt::format("{} of {} images, which fill no batch of {}, are left out of each epoch",
                        rest, samples_, batch_size_);
    samples_ -= rest;
  } else if (options.last_batch == LastBatch::kDropSingle && rest == 1) {
    note_ = fmt::format(
        "one of {} images is left out of each epoch: it would be alone in its "
        "batch, where batch normalization has no variance",
        samples_);
    samples_ -= 1;
  }
  if (samples_ == 0) {
    throw Error(
        fmt::format("no batch can be made of the data set: {}; make batches smaller", note_));
  }
}

Shape BatchMaker::shape() const {
  const auto& [channels, height, width] = transform_.size();
  return {std::min(batch_size_, samples_), channels, height, width};
}

Epoch BatchMaker::epoch(std::int64_t number) const {
  const auto epoch = static_cast<std::uint64_t>(number);
  std::vector<std::int64_t> order(static_cast<std::size_t>(dataset_->size()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  if (pass_ == Pass::kTraining) shuffle(order, step_key(seed_ ^ name_key("order"), epoch));
  return {.order = std::move(order), .key = step_key(seed_ ^ name_key("augmentation"), epoch)};
}

BatchBuffer BatchMaker::make_buffer() const {
  const auto batch = static_cast<std::size_t>(shape().samples());
  BatchBuffer buffer{.images = AlignedBuffer(batch * image_values_ * sizeof(float)),
                     .labels = {},
                     .indices = {},
                     .skipped = {},
                     .error = nullptr};
  buffer.labels.reserve(batch);
  buffer.indices.reserve(batch);
  return buffer;
}

void BatchMaker::make(const Epoch& epoch, std::int64_t batch, BatchBuffer& buffer,
                      const std::atomic<bool>& cancelled) const noexcept {
  buffer.labels.clear();
  buffer.indices.clear();
  buffer.skipped.clear();
  buffer.error = nullptr;
  try {
    fill(epoch, batch, buffer, cancelled);
  } catch (...) {
    buffer.error = std::current_exception();
  }
}

void BatchMaker::fill(const Epoch& epoch, std::int64_t batch, BatchBuffer& buffer,
                      const std::atomic<bool>& cancelled) const {
  const std::int64_t first = batch * batch_size_;
  const std::int64_t end = std::min(first + batch_size_, samples_);
  for (std::int64_t i = first; i < end && !cancelled; ++i) {
    append(epoch.order[static_cast<std::size_t>(i)], epoch.key, buffer);
  }
}

void BatchMaker::append(std::int64_t index, std::uint64_t key, BatchBuffer& buffer) const {
  if (append_if_good(index, index, key, buffer) || pass_ == Pass::kEvaluation) return;
  const std::int64_t size = dataset_->size();
  for (std::int64_t next = (index + 1) % size; next != index; next = (next + 1) % size) {
    if (append_if_good(next, index, key, buffer)) return;
  }
  throw Error(fmt::format("none of the {} images can be used; the first: {}", size,
                          buffer.skipped.front().reason));
}

bool BatchMaker::append_if_good(std::int64_t index, std::int64_t draws_of, std::uint64_t key,
                                BatchBuffer& buffer) const {
  const std::span all(reinterpret_cast<float*>(buffer.images.data()),
                      buffer.images.size() / sizeof(float));
  const auto chw = all.subspan(buffer.labels.size() * image_values_, image_values_);
  try {
    const Image image = dataset_->image(index);
    try {
      transform_(image, key, draws_of, chw);
    } catch (const Error& error) {
      throw Error(fmt::format("{}: {}", dataset_->name(index), error.what()));
    }
  } catch (const Error& error) {
    if (bad_image_ == BadImage::kFatal) throw;
    buffer.skipped.push_back(
        {.index = index, .name = dataset_->name(index), .reason = error.what()});
    return false;
  }
  buffer.labels.push_back(dataset_->label(index));
  buffer.indices.push_back(index);
  return true;
}

}  // namespace equipoise::data
