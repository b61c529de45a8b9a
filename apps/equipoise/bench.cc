#include <algorithm>
#include <chrono>
#include <memory>

#include <fmt/format.h>
#include <sys/resource.h>

#include "bench_inputs.h"
#include "bench_result.h"
#include "checks.h"
#include "command.h"
#include "equipoise/error.h"
#include "equipoise/models.h"
#include "equipoise/runtime.h"
#include "model_arguments.h"
#include "output.h"
#include "plan_arguments.h"
#include "progress.h"

namespace equipoise::program {
namespace {

/// As the kernel has counted it, in KiB.
std::size_t peak_resident_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// A network with what training adds to it, on its threads.
struct Subject {
  Graph graph;
  SessionOptions session;
};

/// Options that all of `equipoise bench` share.
class Bench {
 public:
  Bench(CLI::App& command, Mode mode) : model_(command), plan_(command, mode), mode_(mode) {
    command.add_option("--threads", threads_, "Threads, as many as cores by default")
        ->type_name("N")
        ->check(count());
    command.add_flag("--json", json_, "A document in place of text");
    command.add_option("-o,--output", path_, "Write to this file in place of standard output")
        ->type_name("FILE");
  }

 protected:
  Subject subject() const {
    if (threads_ > 0) set_num_threads(threads_);
    Subject subject{.graph = model_.build(), .session = plan_.session()};
    if (mode_ == Mode::kTraining) {
      add_classification_loss(subject.graph);
      subject.session.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 5e-4};
    }
    return subject;
  }

  Mode mode() const { return mode_; }
  std::int64_t batch() const { return plan_.batch(); }
  void keep_timings() { plan_.keep_timings(); }
  bool json() const { return json_; }
  Output output() const { return Output(path_); }

 private:
  ModelArguments model_;
  PlanArguments plan_;
  Mode mode_;
  int threads_ = 0;
  bool json_ = false;
  std::string path_;
};

/// A step that is refused updates nothing and looks for the reason: its time says nothing.
void require_update(const StepResult& step) {
  if (step.updated) return;
  throw Error(
      fmt::format("a training step cannot be timed, since it changes nothing: {}; take another "
                  "--norm, or fewer "
                  "layers",
                  step.refusal));
}

class BenchRun : public Bench {
 public:
  BenchRun(CLI::App& command, Mode mode) : Bench(command, mode) {
    command
        .add_option("--runs", runs_,
                    "Timed runs; by default as many as fit ten seconds, from 5 to 50")
        ->type_name("N")
        ->check(count());
    command.add_flag("--profile", profile_,
                     "Time, memory traffic and arithmetic of each operation and step, beside what "
                     "the machine can do");
  }

  ExitCode run() {
    Subject made = subject();
    BenchResult result{
        .model = made.graph.name(),
        .mode = mode(),
        .batch = batch(),
        .threads = num_threads(),
        .memory = mode() == Mode::kTraining ? made.session.memory : MemoryMode::kDefault};
    const BenchInputs inputs(made.graph, batch());
    result.image = inputs.inputs().front().value.shape;
    Session session(std::move(made.graph), std::move(made.session));
    const auto start = std::chrono::steady_clock::now();
    result.arena_bytes = session.memory(mode(), batch());
    result.compile_ms = 1000 * seconds_since(start);
    keep_timings();

    time_runs(session, inputs, result);
    result.peak_resident_bytes = peak_resident_bytes();
    std::unique_ptr<const BenchProfile> profile;
    if (profile_) profile = std::make_unique<BenchProfile>(profiled(session, inputs));

    const Output to = output();
    std::string text = json() ? bench_document(result, profile.get()) : bench_text(result);
    if (!json() && profile) text += profile_text(*profile, to.style());
    to.write(text);
    return kDone;
  }

 private:
  /// Seconds that it took.
  double once(Session& session, const BenchInputs& inputs, std::vector<double>* times) const {
    const auto start = std::chrono::steady_clock::now();
    if (mode() == Mode::kTraining) {
      // The update is the same work at any rate, and at this one no network diverges.
      require_update(session.train(inputs.inputs(), {.rate = 0.0F, .step_times = times}));
    } else {
      (void)session.run(inputs.inputs(), {.step_times = times});
    }
    return seconds_since(start);
  }

  void time_runs(Session& session, const BenchInputs& inputs, BenchResult& result) const {
    once(session, inputs, nullptr);  // takes memory
    const double estimate = once(session, inputs, nullptr);
    constexpr double kSeconds = 10;
    const int runs =
        runs_ > 0 ? runs_ : static_cast<int>(std::clamp(kSeconds / estimate, 5.0, 50.0));
    Progress progress(result.model, runs);
    for (int i = 0; i < runs; ++i) {
      result.run_ms.push_back(1000 * once(session, inputs, nullptr));
      progress.advance();
    }
  }

  BenchProfile profiled(Session& session, const BenchInputs& inputs) const {
    BenchProfile profile{
        .plan = session.report(mode(), batch()), .step_ms = {}, .limits = measure_machine_limits()};
    constexpr std::size_t kRuns = 5;
    std::vector<std::vector<double>> times(kRuns);
    for (std::vector<double>& run : times) once(session, inputs, &run);
    for (std::size_t s = 0; s < profile.plan.steps.size(); ++s) {
      std::vector<double> of_step;
      of_step.reserve(kRuns);
      for (const std::vector<double>& run : times) of_step.push_back(run[s]);
      std::ranges::nth_element(of_step, of_step.begin() + kRuns / 2);
      profile.step_ms.push_back(of_step[kRuns / 2]);
    }
    return profile;
  }

  int runs_ = 0;
  bool profile_ = false;
};

class FloorRun : public Bench {
 public:
  explicit FloorRun(CLI::App& command) : Bench(command, Mode::kTraining) {}

  ExitCode run() {
    const Subject made = subject();
    const BenchFloor floor{.model = made.graph.name(),
                           .mode = mode(),
                           .batch = batch(),
                           .threads = num_threads(),
                           .rows = measure_floor(made.graph, mode(), batch(), made.session)};
    keep_timings();
    const Output to = output();
    to.write(json() ? floor_document(floor) : floor_text(floor, to.style()));
    return kDone;
  }
};

template <class Run, class... Arguments>
Command add(CLI::App& bench, const std::string& name, const std::string& description,
            const std::string& example, Arguments... arguments) {
  CLI::App* command = bench.add_subcommand(name, description);
  command->footer(
      fmt::format("Models:\n{}\n\nExample:\n  equipoise bench {}", list_of_models(), example));
  auto run = std::make_shared<Run>(*command, arguments...);
  return {.options = command, .run = [run] { return run->run(); }};
}

}  // namespace

std::vector<Command> add_bench(CLI::App& program) {
  CLI::App* bench = program.add_subcommand(
      "bench", "Measure a model's training steps, its inference, or what bounds them");
  bench->group("Commands");
  bench->require_subcommand(1);
  bench->footer(
      "Measure on a machine that does nothing else.\n\nExample:\n"
      "  equipoise bench train resnet20 --batch 128 --size 28 --profile");
  return {add<BenchRun>(*bench, "train", "Time training steps with made-up images",
                        "train resnet50 --batch 16 --size 224 --profile", Mode::kTraining),
          add<BenchRun>(*bench, "infer", "Time inference with made-up images",
                        "infer efficientnet_b0 --batch 1 --threads 2 --json", Mode::kInference),
          add<FloorRun>(*bench, "floor", "Time the convolutions of a training step alone",
                        "floor resnet20 --batch 128 --size 28 --input-channels 1")};
}

}  // namespace equipoise::program
