// Samples: real inputs for a model, read from files one at a time, in an order that is the same
// every time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "samples/spec.h"

namespace gossamer::samples {

// An input of the model that samples are for.
struct Port {
  std::string name;
  DType dtype = DType::f32;
  std::optional<std::vector<std::int64_t>> extents;  // -1: open; nothing: any rank
};

using Feeds = std::map<std::string, Value>;

struct Sample {
  std::string name;          // the file's path, with the row for tables
  std::vector<Feeds> steps;  // one a run of the model; several for sequences, in their order
  std::optional<std::string> label;
};

class Samples {
 public:
  // `path` is a folder (searched through), one file, or a .txt that lists files. Fails with usage
  // when nothing is found or an input would get no value.
  static Result<Samples> open(const std::string& path, SampleSpec spec, std::vector<Port> ports);

  std::size_t size() const { return places_.size(); }
  const SampleSpec& spec() const { return spec_; }
  // Reads and prepares sample i. Fails with usage, naming the file, when it does not fit the
  // model's inputs or holds NaN or infinity.
  Result<Sample> read(std::size_t i) const;
  // What is said to be right for it, without reading it.
  std::optional<std::string> label(std::size_t i) const;

 private:
  struct Place {
    std::string path;
    std::int64_t row = -1;   // of a table
    std::int64_t begin = 0;  // where that is in the file
  };

  bool is_prepared(const std::string& path) const;
  Status find(const std::string& path);
  Status expand_tables();
  void choose();
  Status read_labels();
  Result<Feeds> constants() const;
  Result<std::vector<Feeds>> read_steps(const Place& place) const;
  Result<std::vector<Feeds>> give(const std::string& input, std::vector<Tensor> steps) const;
  Result<const Port*> only_open_port() const;

  SampleSpec spec_;
  std::vector<Port> ports_;
  std::vector<Place> places_;
  std::map<std::string, std::string> labels_;  // Labels::file: by absolute path
};

}  // namespace gossamer::samples
