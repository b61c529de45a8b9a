#include "equipoise/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/system_memory.h"
#include "data/batch_maker.h"
#include "data/workers.h"
#include "equipoise/error.h"

namespace equipoise {

using data::BatchBuffer;
using data::BatchMaker;

/// Batch k is made in buffer k mod `ahead` + 1, of which one is what the caller looks at.
class Loader::Workers {
 public:
  Workers(DatasetPtr dataset, Pass pass, const LoaderOptions& options)
      : maker_(std::move(dataset), pass, options),
        ahead_(std::min(ahead(options), maker_.batches())) {
    const double bytes = static_cast<double>(maker_.shape().element_count()) * sizeof(float);
    if (bytes * static_cast<double>(ahead_ + 1) > static_cast<double>(available_memory())) {
      throw Error(
          fmt::format("{} batches of shape {} do not fit the memory; make batches smaller, "
                      "or fewer ahead",
                      ahead_ + 1, to_string(maker_.shape())));
    }
    maker_.try_out();
    for (std::int64_t i = 0; i <= ahead_; ++i) slots_.push_back({.buffer = maker_.make_buffer()});
    try {
      for (int i = 0; i < options.workers; ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error& error) {
      stop();
      data::fail_to_start(options.workers, error);
    }
  }
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  const BatchMaker& maker() const { return maker_; }
  double seconds_waited() const { return seconds_waited_; }
  const std::map<std::int64_t, SkippedImage>& skipped() const { return skipped_; }

  void start(std::int64_t epoch, std::int64_t batch) {
    if (epoch < 0 || batch < 0 || batch > maker_.batches()) {
      throw Error(
          fmt::format("batch {} of epoch {} is to come next; epochs are numbered from 0 and "
                      "their batches from 0 to {}",
                      batch, epoch, maker_.batches() - 1));
    }
    data::Epoch order = maker_.epoch(epoch);
    cancelled_ = true;
    std::unique_lock lock(mutex_);
    to_make_ = end_;
    made_.wait(lock, [&] { return busy_ == 0; });
    cancelled_ = false;
    epoch_ = std::move(order);
    for (Slot& slot : slots_) slot.is_made = false;
    taken_ = to_make_ = batch;
    end_ = maker_.batches();
    started_ = true;
    room_.notify_all();
  }

  std::optional<Batch> next() {
    if (!started_) start(0, 0);
    while (taken_ < end_) {
      const std::int64_t number = taken_;
      const BatchBuffer& buffer = wait_for(number);
      if (buffer.error) std::rethrow_exception(buffer.error);
      for (const SkippedImage& image : buffer.skipped) skipped_.emplace(image.index, image);
      take();
      if (!buffer.labels.empty()) return view(buffer, number);
    }
    return std::nullopt;
  }

 private:
  struct Slot {
    BatchBuffer buffer;
    bool is_made = false;
  };

  static std::int64_t ahead(const LoaderOptions& options) {
    data::check_workers(options.workers);
    if (options.ahead < 0) {
      throw Error(
          fmt::format("{} batches are to be made ahead; give 1 or more, or 0 for as many as "
                      "the threads need",
                      options.ahead));
    }
    return options.ahead > 0 ? options.ahead : options.workers + 1;
  }

  Slot& slot_of(std::int64_t batch) {
    return slots_[static_cast<std::size_t>(batch % (ahead_ + 1))];
  }

  const BatchBuffer& wait_for(std::int64_t batch) {
    using Clock = std::chrono::steady_clock;
    Slot& slot = slot_of(batch);
    std::unique_lock lock(mutex_);
    if (!slot.is_made) {
      const auto begin = Clock::now();
      made_.wait(lock, [&] { return slot.is_made; });
      seconds_waited_ += std::chrono::duration<double>(Clock::now() - begin).count();
    }
    return slot.buffer;
  }

  /// The batch is the caller's, and the buffer of the one before is free.
  void take() {
    const std::scoped_lock lock(mutex_);
    slot_of(taken_).is_made = false;
    ++taken_;
    room_.notify_one();
  }

  Batch view(const BatchBuffer& buffer, std::int64_t number) const {
    const auto count = static_cast<std::int64_t>(buffer.labels.size());
    const Shape full = maker_.shape();
    return {.images = {.data = buffer.images.data(), .shape = {count, full[1], full[2], full[3]}},
            .labels = {.data = buffer.labels.data(), .shape = {count}, .dtype = DType::kI32},
            .indices = buffer.indices,
            .number = number};
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [&] { return stopped_ || (to_make_ < end_ && to_make_ < taken_ + ahead_); });
      if (stopped_) return;
      const std::int64_t batch = to_make_++;
      Slot& slot = slot_of(batch);
      ++busy_;
      lock.unlock();
      maker_.make(epoch_, batch, slot.buffer, cancelled_);
      lock.lock();
      --busy_;
      slot.is_made = true;
      made_.notify_all();
    }
  }

  void stop() {
    cancelled_ = true;
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    room_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  const BatchMaker maker_;
  const std::int64_t ahead_;
  std::vector<Slot> slots_;
  std::vector<std::thread> threads_;
  std::atomic<bool> cancelled_ = false;

  std::mutex mutex_;  // of what follows, but for what is the caller's alone
  std::condition_variable room_;
  std::condition_variable made_;
  data::Epoch epoch_;         // written while nobody is busy
  std::int64_t to_make_ = 0;  // batches of the epoch that are made or being made
  std::int64_t taken_ = 0;    // by the caller, who alone writes it
  std::int64_t end_ = 0;
  int busy_ = 0;
  bool stopped_ = false;

  // The caller's.
  bool started_ = false;
  double seconds_waited_ = 0;
  std::map<std::int64_t, SkippedImage> skipped_;
};

Loader::Loader(DatasetPtr dataset, Pass pass, const LoaderOptions& options)
    : workers_(std::make_unique<Workers>(std::move(dataset), pass, options)) {}
Loader::~Loader() = default;

void Loader::start(std::int64_t epoch, std::int64_t batch) { workers_->start(epoch, batch); }
std::optional<Batch> Loader::next() { return workers_->next(); }
std::int64_t Loader::batches() const { return workers_->maker().batches(); }
std::int64_t Loader::samples() const { return workers_->maker().samples(); }
Shape Loader::shape() const { return workers_->maker().shape(); }
std::string Loader::note() const { return workers_->maker().note(); }
double Loader::seconds_waited() const { return workers_->seconds_waited(); }

std::vector<SkippedImage> Loader::skipped() const {
  std::vector<SkippedImage> images;
  for (const auto& [index, image] : workers_->skipped()) images.push_back(image);
  return images;
}

}  // namespace equipoise
