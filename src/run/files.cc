#include "run/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/system_memory.h"
#include "equipoise/error.h"

namespace equipoise::run {

File::File(std::filesystem::path path, int flags)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), flags | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) fail("open", errno);
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void File::fail(std::string_view what, int reason) const {
  throw Error(fmt::format("cannot {} '{}': {}", what, path_.string(), std::strerror(reason)));
}

void File::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write to", errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void File::sync() const {
  // EINVAL: a file system that has nothing to flush.
  if (::fsync(descriptor_) != 0 && errno != EINVAL) fail("flush to the disk", errno);
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  const File file(path, O_RDONLY);
  struct stat status = {};
  if (::fstat(file.descriptor(), &status) != 0) file.fail("read", errno);
  if (!S_ISREG(status.st_mode)) file.fail("read", S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > available_memory()) file.fail("read", ENOMEM);
  std::vector<std::byte> bytes(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.descriptor(), bytes.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) file.fail("read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

void sync_folder(const std::filesystem::path& folder) {
  File(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY).sync();
}

}  // namespace equipoise::run
