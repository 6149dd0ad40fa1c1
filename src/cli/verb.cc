// Options, printing and exit codes that verbs share.
#include "cli/verb.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/npy.h"

namespace gossamer::cli {

std::atomic<bool> g_interrupted{false};

int exit_code(const Status& status) {
  switch (status.code()) {
    case Code::ok:
      return 0;
    case Code::mismatch:
      return 1;
    case Code::usage:
      return 2;
    case Code::authentication:
      return 3;
    case Code::malformed:
      return 4;
    case Code::key:
      return 5;
    case Code::policy:
      return 6;
    case Code::limit:
      return 7;
    case Code::unsupported:
      return 8;
    case Code::io:
      return 9;
    case Code::internal:
      return 10;
    case Code::interrupted:
      return 130;
  }
  return 10;
}

void print_error(const Status& status) {
  std::fprintf(stderr, "gossamer: error: %s\n", status.message().c_str());
  if (!status.hint().empty()) std::fprintf(stderr, "gossamer: hint: %s\n", status.hint().c_str());
}

void note(const std::string& text) { std::fprintf(stderr, "gossamer: note: %s\n", text.c_str()); }

Status print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    return io_error("cannot write to standard output");
  return {};
}

void ModelOptions::add_to(CLI::App& app) {
  app.add_option("MODEL", path, "The model, an .onnx file")->required();
  app.add_option("--shape", shapes, "Fix the shape of an input: NAME=1x3x48x320")
      ->take_all()
      ->expected(1);
  app.add_option("--bind", binds,
                 "Make an input's value a constant that structure may depend on: NAME=FILE.npy")
      ->take_all()
      ->expected(1);
  app.add_option("--dim", dims, "Fix an open dimension: batch=1")->take_all()->expected(1);
}

Result<std::shared_ptr<const onnx::Model>> ModelOptions::load() const {
  ASSIGN(onnx::Model model, onnx::read_model(path));
  return std::make_shared<const onnx::Model>(std::move(model));
}

namespace {

Result<std::int64_t> parse_extent(std::string_view text, const std::string& whole) {
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size() || v < 0)
    return usage_error("'" + whole + "': '" + std::string(text) + "' is not an extent");
  return v;
}

Result<Shape> parse_shape(std::string_view text, const std::string& whole) {
  std::vector<std::int64_t> dims;
  while (!text.empty()) {
    const std::size_t x = std::min(text.find('x'), text.size());
    ASSIGN(std::int64_t d, parse_extent(text.substr(0, x), whole));
    dims.push_back(d);
    text.remove_prefix(std::min(x + 1, text.size()));
  }
  return Shape(std::move(dims));
}

std::string quoted_list(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "'" : ", '") + n + "'";
  return out.empty() ? "none" : out;
}

}  // namespace

Result<std::pair<std::string, std::string>> split_assignment(const std::string& text,
                                                             const std::vector<std::string>& names,
                                                             std::string_view option) {
  for (std::size_t at = text.rfind('='); at != std::string::npos && at > 0;
       at = text.rfind('=', at - 1))
    if (std::find(names.begin(), names.end(), text.substr(0, at)) != names.end())
      return std::pair(text.substr(0, at), text.substr(at + 1));
  return usage_error(
      std::string(option) + " '" + text + "' does not start with a known name and '='",
      "known names: " + quoted_list(names));
}

Result<onnx::LowerOptions> ModelOptions::lower_options(const onnx::Model& model) const {
  onnx::LowerOptions options;
  options.refuse_late = true;
  std::vector<std::string> inputs, symbols;
  for (const onnx::ValueInfo& v : model.graph.inputs) {
    inputs.push_back(v.name);
    if (!v.type.shape) continue;
    for (const onnx::Dimension& d : *v.type.shape)
      if (!d.param.empty() && std::find(symbols.begin(), symbols.end(), d.param) == symbols.end())
        symbols.push_back(d.param);
  }
  for (const std::string& text : shapes) {
    ASSIGN(auto pair, split_assignment(text, inputs, "--shape"));
    ASSIGN(options.shapes[pair.first], parse_shape(pair.second, text));
  }
  for (const std::string& text : dims) {
    ASSIGN(auto pair, split_assignment(text, symbols, "--dim"));
    ASSIGN(options.dims[pair.first], parse_extent(pair.second, text));
  }
  for (const std::string& text : binds) {
    ASSIGN(auto pair, split_assignment(text, inputs, "--bind"));
    ASSIGN(Tensor value, read_npy(pair.second));
    options.bound.insert_or_assign(pair.first, std::move(value));
  }
  return options;
}

std::vector<std::string> input_names(const onnx::Model& model) {
  std::vector<std::string> names;
  for (const onnx::ValueInfo& v : model.graph.inputs) names.push_back(v.name);
  return names;
}

Result<std::map<std::string, Value>> read_npy_inputs(const std::vector<std::string>& assignments,
                                                     const std::vector<std::string>& names) {
  std::map<std::string, Value> out;
  for (const std::string& text : assignments) {
    ASSIGN(auto pair, split_assignment(text, names, "--input"));
    if (out.contains(pair.first)) return usage_error("input '" + pair.first + "' is given twice");
    ASSIGN(Tensor t, read_npy(pair.second));
    out.emplace(pair.first, Value(std::move(t)));
  }
  return out;
}

}  // namespace gossamer::cli
