#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "equipoise/error.h"
#include "equipoise/run.h"
#include "run/failure_point.h"
#include "run/files.h"

namespace equipoise {

void (*run::failure_hook)(FailurePoint point) = nullptr;

namespace {

using run::FailurePoint;

void write_and_sync(const std::filesystem::path& path, std::string_view bytes) {
  const run::File file(path, O_WRONLY | O_CREAT | O_TRUNC);
  run::at(FailurePoint::kBegin);
  file.write(bytes.substr(0, bytes.size() / 2));
  run::at(FailurePoint::kHalf);
  file.write(bytes.substr(bytes.size() / 2));
  run::at(FailurePoint::kWritten);
  file.sync();
  run::at(FailurePoint::kSynced);
}

}  // namespace

void write_atomically(const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::path temporary = path;
  temporary += run::kTemporary;
  try {
    write_and_sync(temporary, bytes);
    if (std::rename(temporary.c_str(), path.c_str()) != 0) {
      throw Error(fmt::format("cannot replace '{}': {}", path.string(), std::strerror(errno)));
    }
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  run::at(FailurePoint::kRenamed);
  run::sync_folder(path.parent_path());
}

}  // namespace equipoise
