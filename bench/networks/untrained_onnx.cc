// An untrained network as an ONNX file, for peers that read such:
//   untrained_onnx MODEL SIZE CHANNELS CLASSES FILE

#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/models.h"
#include "equipoise/session.h"
#include "formats/onnx.h"

namespace equipoise {
namespace {

void run(char** arguments) {
  const std::int64_t size = std::stoll(arguments[2]);
  const Graph graph = build_model(arguments[1], {.classes = std::stoll(arguments[4]),
                                                 .input_channels = std::stoll(arguments[3]),
                                                 .input_size = ops::Pair{size, size}});
  const State state(graph);
  const std::string bytes = formats::encode_onnx(graph, state.entries());
  std::ofstream file(arguments[5], std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) throw Error(fmt::format("{} cannot be written", arguments[5]));
}

}  // namespace
}  // namespace equipoise

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: untrained_onnx MODEL SIZE CHANNELS CLASSES FILE\n");
    return EXIT_FAILURE;
  }
  try {
    equipoise::run(argv);
    return EXIT_SUCCESS;
  } catch (const std::exception& error) {
    fmt::print(stderr, "untrained_onnx: {}\n", error.what());
    return EXIT_FAILURE;
  }
}
