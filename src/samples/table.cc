// Rows of numbers from text: csv.
#include "samples/table.h"

#include <charconv>
#include <fstream>
#include <string_view>
#include <vector>

namespace gossamer::samples {
namespace {

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t comma = line.find(',');
    std::string_view cell = line.substr(0, comma);
    while (!cell.empty() && (cell.front() == ' ' || cell.front() == '"')) cell.remove_prefix(1);
    while (!cell.empty() && (cell.back() == ' ' || cell.back() == '"')) cell.remove_suffix(1);
    out.push_back(cell);
    if (comma == std::string_view::npos) return out;
    line.remove_prefix(comma + 1);
  }
}

// The next line that is not empty.
bool next_line(std::istream& in, std::string& line) {
  while (std::getline(in, line)) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) return true;
  }
  return false;
}

}  // namespace

Result<std::vector<std::int64_t>> find_rows(const std::string& path) {
  std::ifstream in(path);
  if (!in) return io_error("cannot read " + path);
  std::string line;
  std::vector<std::int64_t> out;
  if (!next_line(in, line)) return out;
  for (std::int64_t begin = in.tellg(); next_line(in, line); begin = in.tellg()) {
    out.push_back(begin);
    if (in.eof()) break;
  }
  return out;
}

Result<Tensor> read_row(const std::string& path, std::int64_t begin) {
  std::ifstream in(path);
  if (!in) return io_error("cannot read " + path);
  std::string header, line;
  if (!next_line(in, header) || !in.seekg(begin) || !next_line(in, line))
    return malformed("the table is shorter than it was");
  const auto names = cells_of(header), cells = cells_of(line);
  if (cells.size() != names.size())
    return malformed("the row has " + std::to_string(cells.size()) + " cells, the header " +
                     std::to_string(names.size()));
  std::vector<float> numbers(cells.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const auto [end, error] =
        std::from_chars(cells[i].data(), cells[i].data() + cells[i].size(), numbers[i]);
    if (error != std::errc() || end != cells[i].data() + cells[i].size())
      return malformed("column '" + std::string(names[i]) + "' holds '" + std::string(cells[i]) +
                       "', which is no number");
  }
  return Tensor::vector(numbers);
}

}  // namespace gossamer::samples
