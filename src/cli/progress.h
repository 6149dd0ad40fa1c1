// A line on a terminal that says how far a long work is and how long it will still take.
#pragma once

#include <cstddef>
#include <string>

namespace gossamer::cli {

class ProgressLine {
 public:
  ProgressLine();
  void step(const std::string& name);
  // Nothing where standard error is no terminal.
  void show(std::size_t done, std::size_t total);

 private:
  bool terminal_;
  std::string name_;
  double begin_ = 0, shown_ = 0;
};

}  // namespace gossamer::cli
