#include "plan_file.h"

#include "contents_of.h"
#include "equipoise/run.h"

namespace equipoise::program {

void PlanFile::open(const std::filesystem::path& path) {
  paths_ = {path};
  timings_ =
      std::filesystem::exists(path) ? Timings::parse(contents_of(path), path.string()) : Timings();
  kept_ = timings_.size();
}

void PlanFile::copy_to(const std::filesystem::path& path) {
  keep();
  if (paths_.empty()) return;
  paths_.push_back(path);
  write_atomically(path, timings_.to_text());
}

void PlanFile::keep() {
  if (timings_.size() == kept_) return;
  const std::string text = timings_.to_text();
  for (const std::filesystem::path& path : paths_) write_atomically(path, text);
  kept_ = timings_.size();
}

}  // namespace equipoise::program
