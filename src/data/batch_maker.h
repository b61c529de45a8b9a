#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "data/transform.h"
#include "equipoise/loader.h"

namespace equipoise::data {

/// A batch and its memory, which is filled again and again.
struct BatchBuffer {
  AlignedBuffer images;
  std::vector<std::int32_t> labels;
  std::vector<std::int64_t> indices;
  std::vector<SkippedImage> skipped;
  std::exception_ptr error;
};

/// In which order an epoch goes through the images, and the key of its random numbers.
struct Epoch {
  std::vector<std::int64_t> order;
  std::uint64_t key = 0;
};

/// Makes any batch of any epoch. Immutable; all functions may be called from several threads.
class BatchMaker {
 public:
  /// Throws Error as the constructor of Loader does.
  BatchMaker(DatasetPtr dataset, Pass pass, const LoaderOptions& options);

  /// As Transform does it.
  void try_out() const { transform_.try_out(*dataset_); }

  std::int64_t batches() const {
    return samples_ / batch_size_ + (samples_ % batch_size_ == 0 ? 0 : 1);
  }
  std::int64_t samples() const { return samples_; }
  const std::string& note() const { return note_; }
  /// Of the largest batch.
  Shape shape() const;

  Epoch epoch(std::int64_t number) const;
  BatchBuffer make_buffer() const;
  /// Fills the buffer, or its `error`. Returns soon, with a part of a batch, once `cancelled`.
  void make(const Epoch& epoch, std::int64_t batch, BatchBuffer& buffer,
            const std::atomic<bool>& cancelled) const noexcept;

 private:
  void fill(const Epoch& epoch, std::int64_t batch, BatchBuffer& buffer,
            const std::atomic<bool>& cancelled) const;
  /// Appends an image, or in training what takes its place.
  void append(std::int64_t index, std::uint64_t key, BatchBuffer& buffer) const;
  /// Whether image `index` could be appended, with the random numbers of `draws_of`.
  bool append_if_good(std::int64_t index, std::int64_t draws_of, std::uint64_t key,
                      BatchBuffer& buffer) const;

  DatasetPtr dataset_;
  Pass pass_;
  BadImage bad_image_;
  std::uint64_t seed_;
  std::int64_t batch_size_;
  Transform transform_;
  std::size_t image_values_;
  std::int64_t samples_;
  std::string note_;
};

}  // namespace equipoise::data
