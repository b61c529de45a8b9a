#include "equipoise/model.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gmock/gmock.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"
#include "equipoise/models.h"
#include "equipoise/operations.h"
#include "formats/onnx.h"
#include "model/metadata.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

const std::vector<std::string> kLabels = {"cat", "dog", "Kuh \"Elsa\""};

const ModelInfo kInfo = {.preprocessing = Preprocessing{.channels = 3,
                                                        .resize = 40,
                                                        .interpolation = Interpolation::kBicubic,
                                                        .height = 32,
                                                        .width = 32,
                                                        .mean = {0.1F, 0.2F, 0.3F},
                                                        .std = {0.5F, 0.6F, 0.7F}},
                         .labels = kLabels};

Image some_image(int width, int height, int channels, int seed = 1) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(width * height * channels); ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * i * static_cast<unsigned>(seed) % 251));
  }
  return image;
}

class ModelFile : public TemporaryFolder {
 protected:
  static Graph network() { return build_model("resnet8", {.classes = 3, .dropout = 0.3}); }
  static Model resnet() {
    const Graph graph = network();
    const State state(graph, 7);
    return {graph, state.entries(), kInfo};
  }

  std::filesystem::path path_ = folder_ / "model.onnx";
};

TEST_F(ModelFile, PredictsAfterLoadingWhatItPredictedBefore) {
  Model before = resnet();
  before.save(path_);
  Model after = Model::load(path_);
  EXPECT_EQ(after.info().preprocessing, kInfo.preprocessing);
  EXPECT_EQ(after.info().labels, kLabels);
  const Image image = some_image(57, 43, 3);
  const Prediction expected = before.predict(image);
  const Prediction actual = after.predict(image);
  ASSERT_THAT(actual, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(actual[i].label, expected[i].label);
    EXPECT_EQ(actual[i].probability, expected[i].probability);
  }
  EXPECT_EQ(after.features(image), before.features(image));
}

TEST_F(ModelFile, PredictionIsTheSoftmaxOfTheLogitsInOrder) {
  Model model = resnet();
  const Image image = some_image(40, 40, 1);
  std::vector<float> pixels(3 * 32 * 32);
  preprocess(image, *kInfo.preprocessing, pixels);
  const auto logits = model.session()
                          .run({{"image", {.data = pixels.data(), .shape = {1, 3, 32, 32}}}})
                          .values("logits");
  const std::vector<double> row(logits.begin(), logits.end());
  double sum = 0;
  for (const double logit : row) sum += std::exp(logit);
  const Prediction prediction = model.predict(image);
  for (std::size_t i = 0; i < 3; ++i) {
    const ClassProbability& c = prediction[i];
    EXPECT_EQ(c.label, kLabels[static_cast<std::size_t>(c.number)]);
    EXPECT_NEAR(c.probability, std::exp(row[static_cast<std::size_t>(c.number)]) / sum, 1e-6);
    EXPECT_LE(c.probability, prediction[i > 0 ? i - 1 : 0].probability);
  }
}

TEST_F(ModelFile, SeveralImagesAreAnsweredAsEachAlone) {
  Model model = resnet();
  std::vector<Image> images;
  for (int i = 0; i < 35; ++i) images.push_back(some_image(32 + i, 50, 1 + i % 2 * 2, i + 1));
  const std::vector<Prediction> together = model.predict(images);
  ASSERT_THAT(together, SizeIs(images.size()));
  for (const std::size_t i : {std::size_t{0}, std::size_t{31}, std::size_t{32}, std::size_t{34}}) {
    const Prediction alone = model.predict(images[i]);
    EXPECT_EQ(together[i][0].label, alone[0].label);
    EXPECT_NEAR(together[i][0].probability, alone[0].probability, 1e-6);
  }
}

TEST_F(ModelFile, FeaturesAreWhatTheLastLayerReads) {
  Model model = resnet();
  const Image image = some_image(32, 32, 3);
  const std::vector<float> features = model.features(image);
  ASSERT_THAT(features, SizeIs(64));
  const std::span<const float> weight = model.state().values("fc.weight");
  const std::span<const float> bias = model.state().values("fc.bias");
  std::vector<double> logits(3);
  for (std::size_t k = 0; k < 3; ++k) {
    logits[k] = std::inner_product(features.begin(), features.end(),
                                   weight.begin() + static_cast<std::ptrdiff_t>(k * 64),
                                   static_cast<double>(bias[k]));
  }
  const double sum = std::exp(logits[0]) + std::exp(logits[1]) + std::exp(logits[2]);
  for (const ClassProbability& c : model.predict(image)) {
    EXPECT_NEAR(c.probability, std::exp(logits[static_cast<std::size_t>(c.number)]) / sum, 1e-5);
  }
}

TEST_F(ModelFile, OfARunIsInItsFolder) {
  resnet().save(path_);
  EXPECT_EQ(Model::load(folder_).class_count(), 3);
  std::filesystem::remove(path_);
  EXPECT_THAT(error_of([&] { (void)Model::load(folder_); }), HasSubstr("has no model.onnx"));
}

TEST_F(ModelFile, OfOthersHasNumbersForLabelsAndTakesImagesOfAnySize) {
  const Graph graph = network();
  const State state(graph);
  write(path_, formats::encode_onnx(graph, state.entries(), {{"author", "somebody"}}));
  Model model = Model::load(path_);
  EXPECT_FALSE(model.info().preprocessing);
  EXPECT_EQ(model.preprocessing(),
            (Preprocessing{.channels = 3, .resize = 32, .height = 32, .width = 32}));
  const Prediction prediction = model.predict(some_image(100, 70, 1));
  EXPECT_EQ(prediction[0].label, std::to_string(prediction[0].number));
}

TEST_F(ModelFile, ThatEndsInSoftmaxStillHasLogits) {
  Graph graph = network();
  const State state(graph, 7);
  graph.set_outputs({ops::softmax(graph, "probabilities", graph.tensor("logits"))});
  Model model(graph, state.entries(), kInfo);
  EXPECT_EQ(model.logits(), "logits");
  const Image image = some_image(40, 40, 3);
  EXPECT_NEAR(model.predict(image)[0].probability, resnet().predict(image)[0].probability, 1e-6);
}

TEST_F(ModelFile, ThatDoesNotClassifyImagesIsReadAndSaysSoWhenAsked) {
  const Graph graph = build_model("encoder");
  const State state(graph);
  Model(graph, state.entries()).save(path_);
  Model model = Model::load(path_);
  EXPECT_EQ(model.graph().name(), "encoder");
  EXPECT_THAT(error_of([&] { (void)model.predict(some_image(8, 8, 1)); }),
              HasSubstr("is no classifier of images"));
}

TEST_F(ModelFile, ThatIsMissingOrNoneIsNamed) {
  EXPECT_THAT(error_of([&] { (void)Model::load(path_); }),
              HasSubstr("model.onnx' is neither a file nor the folder of a run"));
  write(path_, "not ONNX");
  EXPECT_THAT(error_of([&] { (void)Model::load(path_); }),
              HasSubstr("model.onnx': it is no ONNX model"));
}

TEST_F(ModelFile, WithLabelsOrPreprocessingThatDoNotFitIsNamed) {
  const auto error_with = [&](const std::string& key, const std::string& value) {
    const Graph graph = network();
    const State state(graph);
    formats::Metadata metadata = model::to_metadata(kInfo);
    metadata["equipoise." + key] = value;
    write(path_, formats::encode_onnx(graph, state.entries(), metadata));
    return error_of([&] { (void)Model::load(path_); });
  };
  EXPECT_THAT(error_with("labels", R"(["a","b"])"), HasSubstr("has 2 labels for 3 classes"));
  EXPECT_THAT(error_with("labels", R"(["a",2,"c"])"), HasSubstr("something else than texts"));
  EXPECT_THAT(error_with("labels", "a,b,c"), HasSubstr("no JSON list"));
  const auto changed = [](std::string_view from, std::string_view to) {
    std::string text = model::to_metadata(kInfo).at("equipoise.preprocessing");
    return text.replace(text.find(from), from.size(), to);
  };
  for (const auto& [from, to, message] :
       {std::tuple{"32", "48", "its preprocessing makes them 48 × 32 × 3"},
        {"32", "-1", "no number of pixels"},
        {"32", "99999999999", "no number of pixels"},
        {"bicubic", "best", "unknown interpolation"},
        {"\"mean\"", "\"median\"", "has no 'mean'"},
        {"\"mean\":", "\"mean\":0,\"was\":", "'mean' that is no list"},
        {"[0.1", "[\"x\",0.1", "no numbers in 'mean'"},
        {"[0.1", "[0.1,0.1", "normalizes 4 channels of 3"},
        {"{", "", "no JSON object"}}) {
    EXPECT_THAT(error_with("preprocessing", changed(from, to)), HasSubstr(message));
  }
}

TEST_F(ModelFile, ThatCouldNotBeReadAgainIsNotMade) {
  const Graph graph = network();
  const State state(graph);
  for (const float value : {NAN, INFINITY}) {
    ModelInfo info = kInfo;
    info.preprocessing->mean[1] = value;
    EXPECT_THAT(error_of([&] { Model(graph, state.entries(), info); }),
                HasSubstr("it has to be finite"));
    info = kInfo;
    info.preprocessing->std[1] = value;
    EXPECT_THAT(error_of([&] { Model(graph, state.entries(), info); }), HasSubstr("it divides"));
    EXPECT_THAT(error_of([&] { save_model(path_, graph, state, info); }), HasSubstr("it divides"));
  }
}

TEST_F(ModelFile, WithWeightsThatAreNotFiniteGivesNoAnswer) {
  Model model = resnet();
  std::ranges::fill(model.session().state().values("fc.bias"), NAN);
  EXPECT_THAT(error_of([&] { (void)model.predict(some_image(32, 32, 3)); }),
              HasSubstr("not finite"));
}

}  // namespace
}  // namespace equipoise::testing
