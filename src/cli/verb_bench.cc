// gossamer bench: how long models take to load and to run, how much memory, and where the time
// goes.
#include <algorithm>
#include <set>

#include "base/atomic_file.h"
#include "cli/bench_inputs.h"
#include "cli/profile_text.h"
#include "cli/runnable.h"
#include "fmt/format.h"
#include "measure/bench.h"
#include "nlohmann/json.hpp"
#include "package/package.h"

namespace gossamer::cli {
namespace {

using nlohmann::json;

constexpr double kMega = 1e6;

// A model that has been loaded, with inputs for it, its sessions and their figures.
struct Subject {
  std::string path;
  Runnable ready;
  std::map<std::string, Value> feeds;
  std::vector<Value> values;  // the feeds in the program's order
  std::vector<std::unique_ptr<runtime::Session>> others;
  std::optional<measure::Bench> bench;
  double load = 0;              // ms
  std::int64_t feed_bytes = 0;  // of inputs: the caller's, not the model's
  double grown = 0;             // MB of resident memory, once it has run

  const runtime::Session& session() const { return *ready.session; }
  json row(const std::string& precision, std::int64_t batch) const;
};

struct BenchVerb {
  std::vector<std::string> paths;
  ModelOptions model;
  InputOptions inputs;
  RunnableOptions runnable;
  int sessions = 1;
  double seconds = 2;
  bool profile = false;
  std::size_t top = 20;
  std::string trace;
  bool as_json = false;

  Status run() const;
  Status load_package(Subject& subject, std::set<std::string>& used) const;
  Status load_onnx(Subject& subject, std::set<std::string>& used) const;
  Result<std::unique_ptr<Subject>> start(const std::string& path,
                                         std::set<std::string>& used) const;
  Status measure_all(std::vector<std::unique_ptr<Subject>>& subjects) const;
  Status answer(const std::vector<std::unique_ptr<Subject>>& subjects) const;
  std::vector<std::string> fitting(const std::vector<std::string>& assignments,
                                   const std::vector<std::string>& names,
                                   std::set<std::string>& used) const;
};

json Subject::row(const std::string& precision, std::int64_t batch) const {
  const measure::BenchResult r = bench->result();
  json out = {{"model", path},
              {"load_ms", load},
              {"first_ms", r.first},
              {"median_ms", r.median},
              {"p95_ms", r.p95},
              {"least_ms", r.least},
              {"runs", r.runs},
              {"runs_per_second", r.per_second},
              {"sessions", 1 + others.size()},
              {"rss_mb", grown},
              {"arena_mb", static_cast<double>(session().arena_bytes()) / kMega},
              {"isa", level_name(session().options().level)},
              {"threads", session().options().threads},
              {"precision", precision.empty() ? "exact" : precision}};
  if (batch > 0) out["batch"] = batch;
  return out;
}

// With several models, each gets those that name something of its own.
std::vector<std::string> BenchVerb::fitting(const std::vector<std::string>& assignments,
                                            const std::vector<std::string>& names,
                                            std::set<std::string>& used) const {
  if (paths.size() == 1) return assignments;
  std::vector<std::string> out;
  for (const std::string& a : assignments)
    if (split_assignment(a, names, "").ok()) {
      out.push_back(a);
      used.insert(a);
    }
  return out;
}

Status BenchVerb::load_package(Subject& subject, std::set<std::string>& used) const {
  ModelOptions mine;
  if (paths.size() == 1) mine = model;
  mine.path = subject.path;
  const double begin = measure::now_ms();
  ASSIGN(subject.ready, open_package(mine, runnable));
  subject.load = measure::now_ms() - begin;
  InputOptions given = inputs;
  given.inputs = fitting(inputs.inputs, input_names(*subject.ready.program), used);
  const std::int64_t resident = measure::resident_bytes();
  ASSIGN(subject.feeds, make_inputs(*subject.ready.program, given));
  subject.feed_bytes = measure::resident_bytes() - resident;
  return {};
}

// What a user would wait for: reading, understanding and compiling, for inputs of these shapes.
Status BenchVerb::load_onnx(Subject& subject, std::set<std::string>& used) const {
  ModelOptions mine = model;
  mine.path = subject.path;
  ASSIGN(std::shared_ptr<const onnx::Model> loaded, mine.load());
  const std::vector<std::string> names = input_names(*loaded);
  mine.shapes = fitting(model.shapes, names, used);
  mine.binds = fitting(model.binds, names, used);
  mine.dims = fitting(model.dims, symbol_names(*loaded), used);
  InputOptions given = inputs;
  given.inputs = fitting(inputs.inputs, names, used);
  ASSIGN(const onnx::LowerOptions options, mine.lower_options(*loaded));
  const std::int64_t resident = measure::resident_bytes();
  ASSIGN(subject.feeds, make_inputs(*loaded, options, given));
  subject.feed_bytes = measure::resident_bytes() - resident;
  loaded.reset();
  const double begin = measure::now_ms();
  ASSIGN(subject.ready, open_onnx(mine, nullptr, subject.feeds, runnable));
  subject.load = measure::now_ms() - begin;
  return {};
}

Result<std::unique_ptr<Subject>> BenchVerb::start(const std::string& path,
                                                  std::set<std::string>& used) const {
  auto subject = std::make_unique<Subject>();
  subject->path = path;
  const std::int64_t resident = measure::resident_bytes();
  TRY(package::is_package(path) ? load_package(*subject, used) : load_onnx(*subject, used));
  ASSIGN(subject->values, subject->ready.order(subject->feeds));
  std::vector<runtime::Session*> all = {subject->ready.session.get()};
  for (int i = 1; i < sessions; ++i) {
    ASSIGN(auto other,
           runtime::Session::open(subject->ready.program, subject->session().options()));
    all.push_back(other.get());
    subject->others.push_back(std::move(other));
  }
  ASSIGN(subject->bench, measure::Bench::start(all, subject->values, &g_interrupted));
  if (paths.size() == 1) return subject;
  subject->grown =
      static_cast<double>(measure::resident_bytes() - resident - subject->feed_bytes) / kMega;
  return subject;
}

// Several models take turns, so that a slow moment of the machine hits all of them.
Status BenchVerb::measure_all(std::vector<std::unique_ptr<Subject>>& subjects) const {
  constexpr int kRounds = 10;
  if (subjects.size() == 1) return subjects[0]->bench->run_for(seconds, 10);
  for (int round = 0; round < kRounds; ++round)
    for (auto& s : subjects) TRY(s->bench->run_for(seconds / kRounds, 1));
  return {};
}

std::string ratios(const std::vector<std::unique_ptr<Subject>>& subjects) {
  std::string out =
      fmt::format("{:>10} {:>10} {:>10} {:>10} {:>10} {:>9} {:>7}  model\n", "load ms", "first ms",
                  "median ms", "p95 ms", "runs/s", "memory MB", "speed");
  const measure::BenchResult first = subjects[0]->bench->result();
  for (const auto& s : subjects) {
    const measure::BenchResult r = s->bench->result();
    out += fmt::format("{:10.2f} {:10.2f} {:10.3f} {:10.3f} {:10.1f} {:9.1f} {:6.2f}x  {}\n",
                       s->load, r.first, r.median, r.p95, r.per_second, s->grown,
                       first.median / r.median, s->path);
  }
  return out + "speed: the first model's median over this one's\n";
}

Status BenchVerb::answer(const std::vector<std::unique_ptr<Subject>>& subjects) const {
  json rows = json::array();
  std::string text;
  for (const auto& s : subjects) {
    rows.push_back(s->row(runnable.precision, inputs.batch));
    const measure::BenchResult r = s->bench->result();
    rows.back()["speed"] = subjects[0]->bench->result().median / r.median;
    text += fmt::format(
        "{}: load {:.2f} ms, first {:.2f} ms, median {:.3f} ms, p95 {:.3f} ms, {} "
        "runs, {:.1f} a second; memory +{:.1f} MB, arena {:.1f} MB\n",
        s->path, s->load, r.first, r.median, r.p95, r.runs, r.per_second, s->grown,
        static_cast<double>(s->session().arena_bytes()) / kMega);
  }
  if (subjects.size() > 1) text = ratios(subjects);
  if (profile || !trace.empty()) {
    const Subject& s = *subjects[0];
    const runtime::SessionOptions& options = s.session().options();
    ASSIGN(const measure::Profile steps,
           measure::profile(*s.ready.session, s.values, seconds, &g_interrupted));
    if (profile) {
      const measure::Rates rates = measure::measure_rates(options.threads);
      text += profile_table(steps, rates, options, top);
      if (as_json) rows[0]["steps"] = profile_rows(steps, rates, options);
    }
    if (!trace.empty())
      TRY(write_file(
          trace, chrome_trace(steps, s.path).dump(-1, ' ', false, json::error_handler_t::replace)));
  }
  if (!as_json) return print(text);
  const json& out = subjects.size() == 1 ? rows[0] : rows;
  return print(out.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

Status BenchVerb::run() const {
  if (paths.size() > 1 && (profile || !trace.empty()))
    return usage_error("--profile and --trace look at one model at a time");
  std::vector<std::unique_ptr<Subject>> subjects;
  std::set<std::string> used;
  const std::int64_t resident = measure::resident_bytes();
  for (const std::string& path : paths) {
    ASSIGN(auto subject, start(path, used));
    subjects.push_back(std::move(subject));
  }
  if (paths.size() > 1)
    for (const auto* list : {&model.shapes, &model.dims, &model.binds, &inputs.inputs})
      for (const std::string& a : *list)
        if (!used.contains(a)) return usage_error("'" + a + "' names nothing of these models");
  TRY(measure_all(subjects));
  if (subjects.size() == 1)
    subjects[0]->grown =
        static_cast<double>(measure::resident_bytes() - resident - subjects[0]->feed_bytes) / kMega;
  return answer(subjects);
}

}  // namespace

void add_bench(CLI::App& app, Invocation& invocation) {
  CLI::App* verb = app.add_subcommand("bench", "Measure loading, latency and memory of models");
  auto self = std::make_shared<BenchVerb>();
  verb->add_option("MODEL", self->paths,
                   "The model, an .onnx or .goss file; several take turns and are compared")
      ->required();
  self->model.add_details_to(*verb);
  self->runnable.add_to(*verb);
  verb->add_option("--input", self->inputs.inputs, "An input: NAME=FILE.npy; others are made up")
      ->take_all()
      ->expected(1);
  verb->add_option("--batch", self->inputs.batch,
                   "The extent of inputs' open first axes; given inputs of one are repeated")
      ->check(CLI::Range(1, 1 << 20));
  verb->add_option("--sessions", self->sessions, "Sessions that run side by side")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  verb->add_option("--seconds", self->seconds, "How long to measure steady runs")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  verb->add_flag("--profile", self->profile,
                 "Print the slowest steps: time, GFLOP/s, GB/s, share of the roofline");
  verb->add_option("--top", self->top, "How many steps --profile prints")->capture_default_str();
  verb->add_option("--trace", self->trace,
                   "Write a run's steps to this file, for chrome://tracing or Perfetto");
  verb->add_flag("--json", self->as_json,
                 "Print one JSON object; with several models an array of them");
  verb->footer("Example: gossamer bench model.onnx --shape x=1x3x224x224 --threads 2 --profile");
  verb->callback([self, &invocation] { invocation.run = [self] { return self->run(); }; });
}

}  // namespace gossamer::cli
