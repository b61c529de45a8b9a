#include "base/parallel.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/runtime.h"

#if EQUIPOISE_THREADING_OPENMP
#include <omp.h>
#else
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#endif

namespace equipoise {
namespace {

/// libgomp has a record of each on the caller's stack, which overflows at 10⁵ of them.
constexpr int kMostThreads = 1024;

int default_threads() {
#if EQUIPOISE_THREADING_OPENMP
  const int threads = omp_get_max_threads();
#else
  const int threads = static_cast<int>(std::thread::hardware_concurrency());
#endif
  return std::clamp(threads, 1, kMostThreads);
}

std::atomic<int>& thread_setting() {
  static std::atomic<int> threads{default_threads()};
  return threads;
}

#if !EQUIPOISE_THREADING_OPENMP

// Stands in for OpenMP where its runtime is in the way (ThreadSanitizer does not understand
// libgomp's barriers).
class Pool {
 public:
  ~Pool() {
    {
      const std::scoped_lock lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& t : workers_) t.join();
  }

  void run(std::int64_t tasks, std::int64_t at_once, int threads,
           void (*task)(void*, std::int64_t, int), void* context) {
    const std::scoped_lock one_caller(callers_);
    {
      const std::scoped_lock lock(mutex_);
      while (static_cast<int>(workers_.size()) < threads - 1) {
        workers_.emplace_back([this, id = static_cast<int>(workers_.size()) + 1] { work(id); });
      }
      job_ = {tasks, at_once, threads, task, context};
      next_ = 0;
      busy_ = static_cast<int>(workers_.size());
      ++generation_;
    }
    wake_.notify_all();
    drain(job_, 0);
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  struct Job {
    std::int64_t tasks = 0, at_once = 1;
    int threads = 0;
    void (*task)(void*, std::int64_t, int) = nullptr;
    void* context = nullptr;
  };

  void drain(const Job& job, int id) {
    for (;;) {
      const std::int64_t first = next_.fetch_add(job.at_once);
      const std::int64_t last = std::min(first + job.at_once, job.tasks);
      if (first >= last) return;
      for (std::int64_t i = first; i < last; ++i) job.task(job.context, i, id);
    }
  }

  void work(int id) {
    std::int64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      const Job job = job_;
      lock.unlock();
      if (id < job.threads) drain(job, id);
      lock.lock();
      if (--busy_ == 0) idle_.notify_one();
    }
  }

  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::vector<std::thread> workers_;
  Job job_;
  std::atomic<std::int64_t> next_{0};
  std::int64_t generation_ = 0;
  int busy_ = 0;
  bool stop_ = false;
};

#endif

}  // namespace

int num_threads() { return thread_setting().load(std::memory_order_relaxed); }

void set_num_threads(int threads) {
  if (threads < 1 || threads > kMostThreads) {
    throw Error(fmt::format("{} threads; there can be 1 to {}", threads, kMostThreads));
  }
  thread_setting().store(threads, std::memory_order_relaxed);
}

void parallel_for(std::int64_t tasks, int threads, void (*task)(void*, std::int64_t, int),
                  void* context) {
  threads = static_cast<int>(std::min<std::int64_t>(threads, tasks));
  if (threads <= 1) {
    for (std::int64_t i = 0; i < tasks; ++i) task(context, i, 0);
    return;
  }
  // A thread takes neighbouring tasks on end, as each stretch of memory takes a while to come up to
  // speed; but in several such runs, so that threads end at about the same time. An odd number of
  // tasks: where two kinds of them take turns, one thread begins with one and another with the
  // other.
  constexpr std::int64_t kRunsOfThread = 16;
  const std::int64_t at_once = (tasks / (kRunsOfThread * threads)) | 1;
#if EQUIPOISE_THREADING_OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, at_once)
  for (std::int64_t i = 0; i < tasks; ++i) task(context, i, omp_get_thread_num());
#else
  static Pool pool;
  pool.run(tasks, at_once, threads, task, context);
#endif
}

}  // namespace equipoise
