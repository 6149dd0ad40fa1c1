// Options, printing and exit codes that verbs share.
#include "cli/verb.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/npy.h"
#include "onnx/bind.h"
#include "reference/pointwise.h"

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
  app.add_option("MODEL", path,
                 "The model, an .onnx file; info, text, run and bench take a .goss package, too")
      ->required();
  add_details_to(app);
}

void ModelOptions::add_details_to(CLI::App& app) {
  app.add_option("--shape", shapes, "Fix the shape of an input: NAME=1x3x48x320")
      ->take_all()
      ->expected(1);
  app.add_option("--bind", binds,
                 "Make an input's value a constant that structure may depend on: NAME=FILE.npy, or "
                 "NAME=NUMBER for a single one")
      ->take_all()
      ->expected(1);
  app.add_option("--dim", dims, "Fix an open dimension: batch=1")->take_all()->expected(1);
}

Status ModelOptions::refuse_details() const {
  if (shapes.empty() && dims.empty() && binds.empty()) return {};
  return usage_error("a package's shapes are settled",
                     "give --shape, --dim and --bind to 'gossamer compile'");
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

// A number for an input of one element, when the text is one.
std::optional<Tensor> parse_number(const std::string& text, const onnx::Type& type) {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  Shape shape;
  if (type.kind != onnx::Type::Kind::tensor || type.dtype == DType::string) return std::nullopt;
  if (type.shape && type.shape->size() == 1 && type.shape->front().value.value_or(1) == 1)
    shape = Shape{1};
  else if (!type.shape || !type.shape->empty())
    return std::nullopt;
  Result<Tensor> t = Tensor::make(type.dtype, shape);
  if (!t.ok()) return std::nullopt;
  const Scalar s = make_scalar(type.dtype, v);
  std::memcpy(t->mutable_data(), &s.bits, dtype_size(type.dtype));
  return std::move(t).value();
}

// "1x3xNxN": what is open is N.
std::string shape_pattern(const onnx::Type& type) {
  std::string out;
  for (const onnx::Dimension& d : *type.shape)
    out += (out.empty() ? "" : "x") + (d.value ? std::to_string(*d.value) : "N");
  return out;
}

// The flags that fix what the graph's structure depends on.
std::string binding_hint(const onnx::Model& model, const onnx::LowerOptions& options,
                         const std::vector<std::string>& needs) {
  std::string flags;
  for (const onnx::ValueInfo* v : onnx::free_inputs(model)) {
    if (options.bound.contains(v->name) || v->type.kind != onnx::Type::Kind::tensor) continue;
    const bool wanted = std::find(needs.begin(), needs.end(), v->name) != needs.end();
    const bool shaped = options.shapes.contains(v->name);
    const bool open =
        !shaped && v->type.shape &&
        std::any_of(v->type.shape->begin(), v->type.shape->end(), [&](const onnx::Dimension& d) {
          return !d.value && !options.dims.contains(d.param);
        });
    if (open)
      flags += " --shape " + v->name + "=" + shape_pattern(v->type);
    else if (wanted)
      flags += " --bind " + v->name +
               (v->type.shape && v->type.shape->empty() ? "=NUMBER" : "=FILE.npy");
  }
  return "the structure depends on inputs: give" + flags +
         " (run and check take these from the inputs that they are given)";
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
  const std::vector<std::string> inputs = input_names(model), symbols = symbol_names(model);
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
    const auto input = std::find_if(model.graph.inputs.begin(), model.graph.inputs.end(),
                                    [&](const onnx::ValueInfo& v) { return v.name == pair.first; });
    std::optional<Tensor> value = parse_number(pair.second, input->type);
    if (!value) {
      ASSIGN(value, read_npy(pair.second));
    }
    options.bound.insert_or_assign(pair.first, *std::move(value));
  }
  return options;
}

std::vector<std::string> symbol_names(const onnx::Model& model) {
  std::vector<std::string> symbols;
  for (const onnx::ValueInfo& v : model.graph.inputs) {
    if (!v.type.shape) continue;
    for (const onnx::Dimension& d : *v.type.shape)
      if (!d.param.empty() && std::find(symbols.begin(), symbols.end(), d.param) == symbols.end())
        symbols.push_back(d.param);
  }
  return symbols;
}

std::vector<std::string> input_names(const onnx::Model& model) {
  std::vector<std::string> names;
  names.reserve(model.graph.inputs.size());
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

Result<Graph> ModelOptions::lower(const std::shared_ptr<const onnx::Model>& model,
                                  std::vector<std::string>* needs_binding) const {
  ASSIGN(onnx::LowerOptions options, lower_options(*model));
  std::vector<std::string> needs;
  Result<Graph> graph = onnx::lower(model, options, &needs);
  if (needs_binding) *needs_binding = needs;
  if (graph.ok() || needs.empty() || graph.status().code() != Code::unsupported) return graph;
  return unsupported(graph.status().message(), binding_hint(*model, options, needs));
}

}  // namespace gossamer::cli
