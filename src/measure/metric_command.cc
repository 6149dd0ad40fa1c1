// A metric that somebody else computes: a command that reads the outputs' files.
#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "base/npy.h"
#include "measure/metric_kinds.h"

namespace gossamer::measure {
namespace {

namespace fs = std::filesystem;

// A folder of one's own, removed in the end.
class Folder {
 public:
  Folder() = default;
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Status make() {
    std::error_code error;
    const fs::path temp = fs::temp_directory_path(error);
    if (error) return io_error("no folder for temporary files: " + error.message());
    std::string pattern = (temp / "gossamer-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      return io_error("cannot make a folder in " + temp.string());
    path_ = pattern;
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct Pipe {
  void operator()(std::FILE* f) const {
    if (f != nullptr) pclose(f);
  }
};

// What the shell's command prints; its exit status counts.
Result<std::string> output_of(const std::string& command) {
  std::unique_ptr<std::FILE, Pipe> pipe(popen(command.c_str(), "re"));
  if (!pipe) return io_error("cannot start the shell");
  std::string out;
  std::array<char, 4096> buffer{};
  constexpr std::size_t kMost = 1 << 16;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    if (out.size() < kMost) out.append(buffer.data(), n);
  const int status = pclose(pipe.release());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return usage_error("the metric's command failed: " + command);
  return out;
}

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

class CommandMetric : public Metric {
 public:
  CommandMetric(std::string command, const MetricTask& task)
      : command_(std::move(command)), task_(task) {}

  Status start() {
    TRY(a_.make());
    TRY(b_.make());
    // The shell knows whether there is such a command.
    const std::string first = command_.substr(0, command_.find(' '));
    const Result<std::string> known = output_of("command -v " + quoted(first));
    if (!known.ok()) return usage_error("the metric's command '" + first + "' is not there");
    return {};
  }

  Status add(std::size_t sample, std::span<const Value> a, std::span<const Value> b) override {
    ++runs_;
    samples_ = std::max(samples_, sample + 1);
    TRY(keep(a, a_.path()));
    return keep(b, b_.path());
  }

  Result<MetricResult> finish() override {
    MetricResult r;
    r.name = "command";
    ASSIGN(const double of_a, number(a_.path()));
    ASSIGN(const double of_b, number(b_.path()));
    const auto n = static_cast<std::int64_t>(samples_);
    r.a = Figure{of_a, of_a, of_a, n};
    r.b = Figure{of_b, of_b, of_b, n};
    r.change = Figure{of_b - of_a, of_b - of_a, of_b - of_a, n};
    return r;
  }

 private:
  Status keep(std::span<const Value> values, const std::string& folder) const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!values[i].is_tensor()) continue;
      std::array<char, 32> number{};
      std::snprintf(number.data(), number.size(), "%06zu_", runs_ - 1);
      std::string name = task_.outputs[i].name;
      for (char& c : name)
        if (c == '/' || c == '\0') c = '_';
      std::string path = folder;
      path.append("/").append(number.data()).append(name).append(".npy");
      TRY(write_npy(path, values[i].tensor));
    }
    return {};
  }

  Result<double> number(const std::string& folder) const {
    ASSIGN(const std::string text, output_of(command_ + " " + quoted(folder)));
    char* end = nullptr;
    const double v = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || !std::isfinite(v))
      return usage_error("the metric's command printed no number: '" + text.substr(0, 80) + "'");
    return v;
  }

  std::string command_;
  MetricTask task_;
  Folder a_, b_;
  std::size_t runs_ = 0, samples_ = 0;
};

}  // namespace

Result<std::unique_ptr<Metric>> make_command_metric(const std::string& command,
                                                    const MetricTask& task) {
  if (command.empty()) return usage_error("the metric command: wants a command behind its colon");
  auto metric = std::make_unique<CommandMetric>(command, task);
  TRY(metric->start());
  return std::unique_ptr<Metric>(std::move(metric));
}

}  // namespace gossamer::measure
