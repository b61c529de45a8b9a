#pragma once

namespace equipoise::engine {

/// For its lifetime, oneDNN's loops that this thread starts use so many threads.
class OneDnnThreads {
 public:
  explicit OneDnnThreads(int count);
  ~OneDnnThreads();
  OneDnnThreads(const OneDnnThreads&) = delete;
  OneDnnThreads& operator=(const OneDnnThreads&) = delete;

  int count() const { return count_; }

 private:
  int count_;
  int before_;
};

}  // namespace equipoise::engine
