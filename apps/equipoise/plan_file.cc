#include "plan_file.h"

#include "contents_of.h"
#include "equipoise/error.h"
#include "equipoise/run.h"

namespace equipoise::program {

void PlanFile::open(const std::filesystem::path& path) {
  path_ = path;
  timings_ =
      std::filesystem::exists(path) ? Timings::parse(contents_of(path), path.string()) : Timings();
  kept_ = timings_.size();
}

void PlanFile::copy_to(const std::filesystem::path& copy) {
  if (path_.empty()) return;
  write_atomically(copy, timings_.to_text());
  copy_ = copy;
}

std::string PlanFile::keep() {
  if (timings_.size() == kept_) return {};
  const std::string text = timings_.to_text();
  if (!copy_.empty()) write_atomically(copy_, text);
  kept_ = timings_.size();
  try {
    write_atomically(path_, text);
  } catch (const Error& error) {
    if (copy_.empty()) throw;
    return error.what();
  }
  return {};
}

}  // namespace equipoise::program
