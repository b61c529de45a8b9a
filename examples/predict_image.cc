// Says what is in an image: predict_image MODEL IMAGE, with an ONNX file or the folder of a run.

#include <algorithm>
#include <cstdio>
#include <exception>

#include <equipoise/model.h>

using namespace equipoise;

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: predict_image MODEL IMAGE\n");
    return 2;
  }
  try {
    Model model = Model::load(argv[1]);
    Prediction prediction = model.predict(read_image(argv[2]));
    prediction.resize(std::min<std::size_t>(prediction.size(), 3));
    for (const ClassProbability& c : prediction) {
      std::printf("%-20s %6.2f %%\n", c.label.c_str(), 100.0 * c.probability);
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
