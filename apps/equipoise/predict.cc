#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "checks.h"
#include "command.h"
#include "equipoise/error.h"
#include "equipoise/image.h"
#include "equipoise/model.h"
#include "equipoise/runtime.h"
#include "model_arguments.h"
#include "output.h"
#include "progress.h"
#include "table.h"

namespace equipoise::program {
namespace {

using Json = nlohmann::ordered_json;

/// What the model says to one image, or why it does not.
struct Answer {
  std::string path;
  Prediction prediction = {};
  std::vector<float> features = {};
  std::string error = {};
};

std::string answers_table(const std::vector<Answer>& answers, const Style& style) {
  Table table({{.title = "file", .elastic = true},
               {.title = "label"},
               {.title = "probability", .align = Table::Align::kRight}});
  for (const Answer& answer : answers) {
    std::string file = answer.path;
    for (const ClassProbability& row : answer.prediction) {
      table.add({file, row.label, fmt::format("{:.2f} %", 100 * row.probability)});
      file.clear();
    }
  }
  return table.text(style);
}

Json json_of(const Answer& answer) {
  Json document = {{"file", answer.path}};
  if (!answer.error.empty()) {
    document["error"] = answer.error;
    return document;
  }
  Json classes = Json::array();
  for (const ClassProbability& row : answer.prediction) {
    classes.push_back(
        {{"label", row.label}, {"class", row.number}, {"probability", row.probability}});
  }
  document["classes"] = std::move(classes);
  if (!answer.features.empty()) document["features"] = answer.features;
  return document;
}

class Predict {
 public:
  explicit Predict(CLI::App& command) {
    command.add_option("MODEL", model_, "An ONNX file, or the folder of a run")
        ->type_name("")
        ->required();
    command.add_option("IMAGE", images_, "Images: JPEG, PNG, WebP, BMP or PNM")
        ->type_name("")
        ->required();
    command.add_option("--top", top_, "Classes to show, the most probable first (5)")
        ->type_name("K")
        ->check(count());
    command.add_option("--threads", threads_, "Threads, as many as cores by default")
        ->type_name("N")
        ->check(count());
    CLI::Option* json = command.add_flag("--json", json_, "A document in place of a table");
    command
        .add_flag("--features", features_,
                  "With --json: also each image as the vector that the last layer reads")
        ->needs(json);
    command.add_option("-o,--output", path_, "Write to this file in place of standard output")
        ->type_name("FILE");
  }

  ExitCode run() const {
    if (threads_ > 0) set_num_threads(threads_);
    Model model = load_trained(model_);
    static_cast<void>(model.class_count());  // what cannot predict at all says so once
    const std::vector<Answer> answers = answer(model);
    const Output output(path_);
    const bool answered =
        std::ranges::any_of(answers, [](const Answer& answer) { return answer.error.empty(); });
    if (json_ || answered) {
      output.write(json_ ? document(answers) : answers_table(answers, output.style()));
    }
    bool failed = false;
    for (const Answer& answer : answers) {
      if (answer.error.empty()) continue;
      failed = true;
      fmt::print(stderr, "equipoise: {}\n", answer.error);
    }
    return failed ? kFailed : kDone;
  }

 private:
  std::vector<Answer> answer(Model& model) const {
    const auto top = static_cast<std::size_t>(std::min<std::int64_t>(top_, model.class_count()));
    std::vector<Answer> answers;
    Progress progress(model.graph().name(), static_cast<int>(images_.size()));
    for (const std::string& path : images_) {
      Answer& answer = answers.emplace_back(Answer{.path = path});
      if (const std::optional<Image> image = read(answer)) {
        try {
          answer.prediction = model.predict(*image);
          answer.prediction.resize(top);
          if (features_) answer.features = model.features(*image);
        } catch (const Error& error) {
          answer = {.path = path, .error = fmt::format("'{}': {}", path, error.what())};
        }
      }
      progress.advance();
    }
    return answers;
  }

  static std::optional<Image> read(Answer& answer) {
    try {
      return read_image(answer.path);
    } catch (const Error& error) {
      answer.error = error.what();
      return std::nullopt;
    }
  }

  std::string document(const std::vector<Answer>& answers) const {
    Json images = Json::array();
    for (const Answer& answer : answers) images.push_back(json_of(answer));
    const Json document = {{"equipoise", kVersion},
                           {"kind", "predict"},
                           {"version", 1},
                           {"model", model_},
                           {"images", std::move(images)}};
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }

  std::string model_;
  std::vector<std::string> images_;
  std::int64_t top_ = 5;
  int threads_ = 0;
  bool json_ = false;
  bool features_ = false;
  std::string path_;
};

}  // namespace

Command add_predict(CLI::App& program) {
  CLI::App* command = program.add_subcommand("predict", "Say which classes images are of");
  command->group("Commands");
  command->footer(
      "An image that cannot be read is reported; the others are answered, and the exit\n"
      "code is 1.\n\n"
      "Examples:\n"
      "  equipoise predict runs/photos cat.jpg dog.png --top 3\n"
      "  equipoise predict model.onnx cat.jpg --json --features");
  auto predict = std::make_shared<Predict>(*command);
  return {.options = command, .run = [predict] { return predict->run(); }};
}

}  // namespace equipoise::program
