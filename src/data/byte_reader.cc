#include "data/byte_reader.h"

#include <algorithm>

#include <fmt/format.h>
#include <zlib.h>

#include "base/system_memory.h"
#include "equipoise/error.h"

namespace equipoise::data {

ByteReader::ByteReader(const std::filesystem::path& path)
    : path_(path.string()), file_(gzopen(path_.c_str(), "rb"), &gzclose) {
  if (!file_) throw Error(fmt::format("cannot open '{}'; is it there, and may it be read?", path_));
}

void ByteReader::fail(std::string_view what) const {
  throw Error(fmt::format("'{}': {}", path_, what));
}

std::size_t ByteReader::read(std::span<std::uint8_t> buffer) {
  constexpr std::size_t kAtOnce = 1U << 30U;  // gzread counts in int
  std::size_t done = 0;
  while (done < buffer.size()) {
    const auto wanted = static_cast<unsigned>(std::min(buffer.size() - done, kAtOnce));
    const int got = gzread(file_.get(), buffer.data() + done, wanted);
    if (got < 0) fail("it cannot be read or decompressed; copy or download it again");
    if (got == 0) {
      int code = Z_OK;
      static_cast<void>(gzerror(file_.get(), &code));
      if (code == Z_BUF_ERROR) fail("its compressed data is cut off; copy or download it again");
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

std::vector<std::uint8_t> ByteReader::read_up_to(std::size_t wanted) {
  constexpr std::size_t kPiece = 1U << 20U;
  if (wanted > available_memory()) {
    fail(fmt::format("it has {} values, more than fit the memory", wanted));
  }
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < wanted) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(before + kPiece, wanted));
    const std::size_t got = read(std::span(bytes).subspan(before));
    if (before + got < bytes.size()) {
      bytes.resize(before + got);
      break;
    }
  }
  return bytes;
}

}  // namespace equipoise::data
