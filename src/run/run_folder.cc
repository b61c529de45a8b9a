#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>

#include "equipoise/error.h"
#include "equipoise/run.h"
#include "run/checkpoint.h"
#include "run/event_file.h"
#include "run/failure_point.h"
#include "run/files.h"
#include "run/metrics.h"

namespace equipoise {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCheckpoints = "checkpoints";
constexpr const char* kConfig = "config.toml";
constexpr const char* kMetrics = "metrics.jsonl";
/// What may be there before its settings are.
constexpr std::array<std::string_view, 2> kBefore = {"beginning.onnx", "plan.json"};
constexpr std::string_view kStepPrefix = "step-";
constexpr std::string_view kSuffix = ".safetensors";
constexpr const char* kSetAside = ".set-aside";

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string_view as_text(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The step of a checkpoint's file; nothing for other files.
std::optional<std::int64_t> step_of(const fs::path& path) {
  const std::string name = path.filename().string();
  if (!name.starts_with(kStepPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const char* end = name.data() + name.size() - kSuffix.size();
  std::int64_t step = 0;
  const auto [stopped, error] = std::from_chars(name.data() + kStepPrefix.size(), end, step);
  if (error != std::errc() || stopped != end || step < 0) return std::nullopt;
  return step;
}

/// What iterating and removing may fail with, as an Error.
template <class Function>
auto on_files(const fs::path& path, Function&& function) {
  try {
    return function();
  } catch (const fs::filesystem_error& error) {
    throw Error(fmt::format("cannot use folder '{}': {}", path.string(), error.code().message()));
  }
}

}  // namespace

struct RunFolder::Parts {
  struct Stored {
    std::int64_t step = 0;
    std::optional<double> score;
  };

  fs::path path;
  RunFolderOptions options;
  run::File lock;
  std::optional<run::File> metrics = std::nullopt;
  std::optional<run::EventFile> events = std::nullopt;
  /// In ascending order of steps.
  std::vector<Stored> stored = {};

  fs::path checkpoint(std::int64_t step) const {
    return path / kCheckpoints / fmt::format("{}{:08}{}", kStepPrefix, step, kSuffix);
  }

  void open_metrics() {
    metrics.emplace(path / kMetrics, O_WRONLY | O_CREAT | O_APPEND);
    events.emplace(path, unix_seconds());
  }

  std::vector<std::int64_t> steps() const {
    return on_files(path, [&] {
      std::vector<std::int64_t> steps;
      for (const auto& entry : fs::directory_iterator(path / kCheckpoints)) {
        if (const auto step = step_of(entry.path())) steps.push_back(*step);
      }
      std::ranges::sort(steps);
      return steps;
    });
  }

  void remove_temporaries() const {
    on_files(path, [&] {
      for (const fs::path& folder : {path, path / kCheckpoints}) {
        for (const auto& entry : fs::directory_iterator(folder)) {
          if (entry.path().extension() == run::kTemporary) fs::remove(entry.path());
        }
      }
    });
  }

  /// Those that can be read; others are overwritten or stay.
  void find_stored() {
    for (const std::int64_t step : steps()) {
      try {
        const fs::path file = checkpoint(step);
        stored.push_back({step, run::parse_checkpoint(run::read_file(file), file.string()).score});
      } catch (const Error&) {
        continue;
      }
    }
  }

  std::vector<Stored>::const_iterator best() const {
    auto found = stored.end();
    for (auto it = stored.begin(); it != stored.end(); ++it) {
      if (it->score && (found == stored.end() || *it->score >= *found->score)) found = it;
    }
    return found;
  }

  void remove_old() {
    const auto newest = static_cast<std::size_t>(options.keep);
    if (stored.size() <= newest) return;
    const auto kept = best();
    const std::int64_t best_step = kept == stored.end() ? -1 : kept->step;
    const auto first_kept = stored.end() - static_cast<std::ptrdiff_t>(newest);
    for (auto it = stored.begin(); it != first_kept; ++it) {
      if (it->step == best_step) continue;
      run::at(run::FailurePoint::kRemove);
      on_files(path, [&] { fs::remove(checkpoint(it->step)); });
    }
    stored.erase(std::remove_if(stored.begin(), first_kept,
                                [&](const Stored& s) { return s.step != best_step; }),
                 first_kept);
  }
};

namespace {

run::File lock_folder(const fs::path& path) {
  run::File folder(path, O_RDONLY | O_DIRECTORY);
  if (::flock(folder.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    throw Error(fmt::format("run '{}' is in use by another process", path.string()));
  }
  return folder;
}

/// Whether a run that has not come to its settings may have left this.
bool is_of_beginning(const fs::directory_entry& entry) {
  const fs::path& path = entry.path();
  const fs::path name = path.filename();
  if (name == kCheckpoints) return entry.is_directory() && fs::is_empty(path);
  if (!entry.is_regular_file()) return false;
  if (name == kMetrics) return entry.file_size() == 0;
  const auto is_before = [](const fs::path& file) {
    return std::ranges::find(kBefore, file.string()) != kBefore.end();
  };
  if (name.extension() == run::kTemporary) {
    return name.stem() == kConfig || is_before(name.stem());
  }
  return is_before(name) || run::is_event_file(path);
}

[[noreturn]] void fail_taken(const fs::path& path) {
  throw Error(fmt::format("'{}' is there already{}, or give another folder", path.string(),
                          fs::exists(path / kConfig)
                              ? "; go on with it by --resume"
                              : ", without a config.toml to go on by; move it away"));
}

/// Makes a folder empty that a run has left before its first step, when it was stopped.
void clear_beginning(const fs::path& path) {
  const std::vector<fs::directory_entry> entries(fs::directory_iterator(path), {});
  if (!std::ranges::all_of(entries, is_of_beginning)) fail_taken(path);
  for (const fs::directory_entry& entry : entries) fs::remove(entry.path());
}

}  // namespace

RunFolder::RunFolder(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
RunFolder::~RunFolder() = default;
RunFolder::RunFolder(RunFolder&&) noexcept = default;
RunFolder& RunFolder::operator=(RunFolder&&) noexcept = default;

RunFolder RunFolder::create(const fs::path& path, const RunFolderOptions& options) {
  if (options.keep < 1) throw Error(fmt::format("{} checkpoints cannot be kept", options.keep));
  on_files(path, [&] {
    if (fs::exists(path) && !fs::is_directory(path)) fail_taken(path);
    fs::create_directories(path);
  });
  RunFolder folder(
      std::make_unique<Parts>(Parts{.path = path, .options = options, .lock = lock_folder(path)}));
  // Behind the lock: what is there may be of a process that is about to write its settings.
  on_files(path, [&] {
    clear_beginning(path);
    fs::create_directory(path / kCheckpoints);
  });
  folder.parts_->open_metrics();
  return folder;
}

RunFolder RunFolder::open(const fs::path& path, const RunFolderOptions& options) {
  if (!fs::is_directory(path / kCheckpoints)) {
    throw Error(fmt::format("'{}' is not the folder of a run", path.string()));
  }
  RunFolder folder(
      std::make_unique<Parts>(Parts{.path = path, .options = options, .lock = lock_folder(path)}));
  folder.parts_->remove_temporaries();
  folder.parts_->find_stored();
  return folder;
}

const fs::path& RunFolder::path() const { return parts_->path; }

void RunFolder::write(std::string_view name, std::string_view bytes) const {
  write_atomically(parts_->path / name, bytes);
}

void RunFolder::append(const Metric& metric) {
  if (!parts_->metrics) parts_->open_metrics();
  parts_->metrics->write(run::to_line(metric));
  parts_->events->append(metric, unix_seconds());
  run::at(run::FailurePoint::kAppended);
}

void RunFolder::save(std::int64_t step, std::span<const CheckpointView> tensors,
                     const std::map<std::string, std::string>& facts, std::optional<double> score) {
  const std::vector<std::byte> bytes = run::write_checkpoint(step, tensors, facts, score);
  // Who goes on from this checkpoint finds the metrics until there.
  if (parts_->metrics) parts_->metrics->sync();
  write_atomically(parts_->checkpoint(step), as_text(bytes));
  std::erase_if(parts_->stored, [&](const Parts::Stored& s) { return s.step >= step; });
  parts_->stored.push_back({step, score});
  parts_->remove_old();
}

NewestCheckpoint RunFolder::newest() const {
  NewestCheckpoint found;
  std::vector<std::int64_t> steps = parts_->steps();
  std::ranges::reverse(steps);
  for (const std::int64_t step : steps) {
    try {
      found.checkpoint = read_checkpoint(parts_->checkpoint(step));
      return found;
    } catch (const Error& error) {
      found.refused.emplace_back(error.what());
    }
  }
  if (!found.refused.empty()) {
    throw Error(fmt::format("no checkpoint of '{}' can be read: {}", parts_->path.string(),
                            fmt::join(found.refused, "; ")));
  }
  return found;
}

std::optional<Checkpoint> RunFolder::best() const {
  const auto found = parts_->best();
  if (found == parts_->stored.end()) return std::nullopt;
  return read_checkpoint(parts_->checkpoint(found->step));
}

std::vector<Metric> RunFolder::rewind(std::int64_t step, std::int64_t lines) {
  const fs::path file = parts_->path / kMetrics;
  std::vector<Metric> metrics;
  if (fs::exists(file)) metrics = read_metrics(file);
  metrics.resize(std::min(metrics.size(), static_cast<std::size_t>(lines)));
  std::erase_if(metrics, [&](const Metric& metric) { return metric.step > step; });
  std::string text;
  for (const Metric& metric : metrics) text += run::to_line(metric);
  write(kMetrics, text);

  on_files(parts_->path, [&] {
    std::vector<fs::path> outdated;
    for (const auto& entry : fs::directory_iterator(parts_->path)) {
      if (run::is_event_file(entry.path())) outdated.push_back(entry.path());
    }
    for (const fs::path& path : outdated) fs::remove(path);
    for (const std::int64_t s : parts_->steps()) {
      const fs::path newer = parts_->checkpoint(s);
      if (s > step) fs::rename(newer, newer.string() + kSetAside);
    }
  });
  std::erase_if(parts_->stored, [&](const Parts::Stored& s) { return s.step > step; });

  parts_->open_metrics();
  // As if the run had never been interrupted: the time between is left out.
  const double start = unix_seconds() - (metrics.empty() ? 0 : metrics.back().time);
  for (const Metric& metric : metrics) parts_->events->append(metric, start + metric.time);
  return metrics;
}

}  // namespace equipoise
