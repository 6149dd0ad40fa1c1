// Models of Python: reading, compiling, and programs for values that structure depends on.
#include "model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "compile/compile.h"
#include "onnx/bind.h"
#include "package/format.h"

namespace gossamer::python {
namespace {

constexpr std::size_t kMostSpecialized = 8;
constexpr int kMostRounds = 8;  // of asking for further inputs

// Bytes of a Python object for as long as the owner lives.
std::shared_ptr<const void> keep_alive(const nb::object& object) {
  return {nb::object(object).release().ptr(), [](const void* p) {
            const nb::gil_scoped_acquire gil;
            Py_DECREF(static_cast<PyObject*>(const_cast<void*>(p)));
          }};
}

Status replace_initializers(onnx::Model& model, const std::map<std::string, Tensor>& by) {
  for (const auto& [name, tensor] : by) {
    const auto found =
        std::find_if(model.graph.initializers.begin(), model.graph.initializers.end(),
                     [&, &wanted = name](const onnx::Initializer& i) { return i.name == wanted; });
    if (found == model.graph.initializers.end())
      return usage_error("the model has no initializer '" + name + "'");
    found->tensor = tensor;
  }
  return {};
}

// Whether the file leaves something of the shape open.
bool is_open(const onnx::ValueInfo& info) {
  if (info.type.kind != onnx::Type::Kind::tensor || !info.type.shape) return true;
  return std::any_of(info.type.shape->begin(), info.type.shape->end(),
                     [](const onnx::Dimension& d) { return !d.value; });
}

// What was bound from the beginning is a constant now, and no input.
Graph without_bound(Graph graph, const onnx::LowerOptions& options) {
  std::erase_if(graph.inputs,
                [&](ValueId v) { return options.bound.contains(graph.value(v).name); });
  return graph;
}

// Lowers and compiles, fixing more and more of what the structure depends on as far as `feeds` has
// it: an input's shape before its value.
struct Attempt {
  onnx::LowerOptions options;
  std::set<std::string> shaped, bound;

  void fix(const std::map<std::string, Value>& feeds) {
    for (const auto& [name, value] : feeds) {
      if (!value.is_tensor()) continue;
      if (bound.contains(name)) options.bound.insert_or_assign(name, value.tensor);
      if (shaped.contains(name)) options.shapes.insert_or_assign(name, value.tensor.shape());
    }
  }

  // Takes in what lowering asked for; false when nothing is left to fix.
  bool widen(const std::vector<std::string>& needs, const std::map<std::string, Value>& feeds,
             const onnx::Model& model) {
    bool progress = false;
    for (const onnx::ValueInfo* info : onnx::free_inputs(model)) {
      const std::string& name = info->name;
      const bool wanted = std::find(needs.begin(), needs.end(), name) != needs.end();
      if (!feeds.contains(name) || (!wanted && !needs.empty())) continue;
      if (is_open(*info) && shaped.insert(name).second)
        progress = true;
      else if (wanted)
        progress = bound.insert(name).second || progress;
    }
    return progress;
  }

  Result<runtime::Program> compile(const std::shared_ptr<const onnx::Model>& model,
                                   const std::map<std::string, Value>& feeds) {
    for (int round = 0;; ++round) {
      fix(feeds);
      std::vector<std::string> needs;
      Result<Graph> graph = onnx::lower(model, options, &needs);
      Status status;
      if (graph.ok()) {
        Result<runtime::Program> program =
            compile::compile(without_bound(std::move(*graph), options));
        if (program.ok()) return program;
        status = std::move(program).status();
      } else {
        status = std::move(graph).status();
      }
      if (status.code() != Code::unsupported || round == kMostRounds) return status;
      if (!widen(needs, feeds, *model)) return status;
    }
  }
};

bool has_plain_rank(const runtime::Program& program, const runtime::Port& port) {
  if (port.slot == runtime::kNoSlot) return true;
  const runtime::Slot& slot = program.slots[static_cast<std::size_t>(port.slot)];
  return port.is_tensor && slot.ranked && slot.dtype != DType::string;
}

}  // namespace

Ready::Ready(std::shared_ptr<const runtime::Program> p, runtime::SessionOptions o)
    : program(std::move(p)), options(std::move(o)) {
  for (const runtime::Port& port : program->inputs) {
    const std::string name = port.type.substr(0, port.type.find('['));
    inputs.push_back({port.type, port.is_tensor, dtype_from_name(name).value_or(DType::f32)});
    raw = raw && has_plain_rank(*program, port) && inputs.back().dtype != DType::string;
  }
  for (const runtime::Port& port : program->outputs) raw = raw && has_plain_rank(*program, port);
}

Borrowed::Borrowed(std::shared_ptr<Ready> ready) : ready_(std::move(ready)) {
  if (ready_->idle.empty()) {
    session_ = take(runtime::Session::open(ready_->program, ready_->options));
    return;
  }
  session_ = std::move(ready_->idle.back());
  ready_->idle.pop_back();
}

Borrowed::~Borrowed() {
  if (session_) ready_->idle.push_back(std::move(session_));
}

std::shared_ptr<Model> Model::open(const nb::object& source, Settings settings) {
  auto model = std::make_shared<Model>(std::move(settings));
  std::shared_ptr<const void> owner;
  std::span<const std::byte> bytes;
  std::string path;
  if (PyBytes_Check(source.ptr())) {
    owner = keep_alive(source);
    bytes = {reinterpret_cast<const std::byte*>(PyBytes_AsString(source.ptr())),
             static_cast<std::size_t>(PyBytes_Size(source.ptr()))};
  } else {
    path = nb::cast<std::string>(helper("file_path")(source));
  }
  const auto status = std::make_shared<Status>();
  interruptible([=] { *status = model->read(path, owner, bytes); });
  check(*status);
  return model;
}

Status Model::read(const std::string& path, std::shared_ptr<const void> owner,
                   std::span<const std::byte> bytes) {
  path_ = path;
  const auto& magic = package::kMagic;
  const bool packed = owner ? bytes.size() >= magic.size() &&
                                  std::memcmp(bytes.data(), magic.data(), magic.size()) == 0
                            : package::is_package(path);
  if (packed) {
    Result<package::Package> package = usage_error("");
    if (owner) {
      ASSIGN(Tensor copy,
             Tensor::make_uninitialized(DType::u8, Shape{static_cast<std::int64_t>(bytes.size())}));
      std::memcpy(copy.mutable_data(), bytes.data(), bytes.size());
      const auto kept = std::make_shared<const Tensor>(std::move(copy));
      package = package::parse({static_cast<const std::byte*>(kept->data()), bytes.size()}, kept);
    } else {
      package = package::open(path);
    }
    if (!package.ok()) return std::move(package).status();
    package_ = std::make_unique<package::Package>(std::move(package).value());
    program_ = package_->program;
    return {};
  }
  ASSIGN(onnx::Model model,
         owner ? onnx::parse_model(bytes, std::move(owner), std::nullopt) : onnx::read_model(path));
  TRY(replace_initializers(model, settings_.initializers));
  keep_infos(model);
  model_ = std::make_shared<const onnx::Model>(std::move(model));
  return {};
}

void Model::keep_infos(const onnx::Model& model) {
  std::set<std::string> free;
  for (const onnx::ValueInfo* v : onnx::free_inputs(model)) {
    free.insert(v->name);
    if (!settings_.lower.bound.contains(v->name)) inputs_.push_back(*v);
  }
  for (const onnx::ValueInfo& v : model.graph.inputs)
    if (!free.contains(v.name)) defaults_.push_back(v);
  outputs_ = model.graph.outputs;
}

Result<std::shared_ptr<const onnx::Model>> Model::source() const {
  if (model_) return model_;
  if (package_)
    return usage_error("a package holds a compiled program only",
                       "load the .onnx file that it was made from");
  ASSIGN(onnx::Model model, onnx::read_model(path_));
  TRY(replace_initializers(model, settings_.initializers));
  return std::make_shared<const onnx::Model>(std::move(model));
}

Status Model::build() {
  const std::lock_guard lock(building_);
  if (program_ || depends_) return {};
  ASSIGN(auto model, source());
  std::vector<std::string> needs;
  Result<Graph> graph = onnx::lower(model, settings_.lower, &needs);
  depends_ = !graph.ok() && !needs.empty();
  if (depends_) return {};
  if (!graph.ok()) return std::move(graph).status();
  model.reset();
  if (!path_.empty()) model_.reset();  // what is packed is not kept twice
  Result<runtime::Program> program =
      compile::compile(without_bound(std::move(*graph), settings_.lower));
  depends_ = !program.ok() && program.status().code() == Code::unsupported;
  if (depends_) return {};
  if (!program.ok()) return std::move(program).status();
  program_ = std::make_shared<const runtime::Program>(std::move(program).value());
  return {};
}

void Model::prepare() {
  if (ready_ || depends_) return;
  const auto status = std::make_shared<Status>();
  if (!program_) interruptible([self = shared_from_this(), status] { *status = self->build(); });
  check(*status);
  if (!ready_ && program_) {
    ready_ = std::make_shared<Ready>(program_, settings_.session);
    const Borrowed first(ready_);  // so that what a session refuses is known now
  }
}

std::shared_ptr<Ready> Model::ready_for(const nb::list& inputs, const nb::dict& overrides) {
  prepare();
  if (ready_ && overrides.size() == 0) return ready_;
  return specialized(feeds(inputs, overrides));
}

std::map<std::string, Value> Model::feeds(const nb::list& inputs, const nb::dict& overrides) const {
  std::map<std::string, Value> out;
  const auto add = [&](const onnx::ValueInfo& info, nb::handle object) {
    if (object.is_none() && info.type.kind == onnx::Type::Kind::optional) return;
    const Wanted wanted{onnx::to_text(info.type), info.type.kind == onnx::Type::Kind::tensor,
                        info.type.dtype};
    out.insert_or_assign(info.name, value_of(object, wanted, info.name.c_str()));
  };
  for (std::size_t i = 0; i < inputs_.size() && i < inputs.size(); ++i) add(inputs_[i], inputs[i]);
  for (const onnx::ValueInfo& info : defaults_)
    if (overrides.contains(info.name.c_str())) add(info, overrides[info.name.c_str()]);
  return out;
}

std::string Model::key_of(const std::map<std::string, Value>& feeds) const {
  std::string key;
  const auto is_default = [&](const std::string& name) {
    return std::any_of(defaults_.begin(), defaults_.end(),
                       [&](const onnx::ValueInfo& v) { return v.name == name; });
  };
  for (const auto& [name, value] : feeds) {
    if (!value.is_tensor()) continue;
    const bool matters = bound_.contains(name) || is_default(name);
    if (matters || shaped_.contains(name)) key += name + value.tensor.shape().to_string() + ";";
    if (!matters) continue;
    if (value.tensor.dtype() == DType::string)
      for (const std::string& s : value.tensor.values<std::string>())
        key += std::to_string(s.size()) + ":" + s;
    else if (value.tensor.byte_size() > 0)
      key.append(static_cast<const char*>(value.tensor.data()), value.tensor.byte_size());
  }
  return key;
}

std::shared_ptr<Ready> Model::specialized(const std::map<std::string, Value>& feeds) {
  const std::string key = key_of(feeds);
  const auto found = std::find_if(specialized_.begin(), specialized_.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found != specialized_.end()) {
    std::rotate(specialized_.begin(), found, found + 1);
    return specialized_.front().second;
  }
  struct Outcome {
    Attempt attempt;
    Result<runtime::Program> program = usage_error("");
  };
  const auto outcome = std::make_shared<Outcome>();
  outcome->attempt.options = settings_.lower;
  outcome->attempt.bound = bound_;
  outcome->attempt.shaped = shaped_;
  for (const onnx::ValueInfo& v : defaults_)
    if (feeds.contains(v.name)) outcome->attempt.bound.insert(v.name);
  interruptible([self = shared_from_this(), outcome, feeds] {
    Result<std::shared_ptr<const onnx::Model>> model = self->source();
    outcome->program = model.ok() ? outcome->attempt.compile(*model, feeds)
                                  : Result<runtime::Program>(std::move(model).status());
  });
  runtime::Program program = take(std::move(outcome->program));
  shaped_ = outcome->attempt.shaped;
  bound_ = outcome->attempt.bound;
  auto ready = std::make_shared<Ready>(std::make_shared<const runtime::Program>(std::move(program)),
                                       settings_.session);
  specialized_.insert(specialized_.begin(), {key_of(feeds), ready});
  if (specialized_.size() > kMostSpecialized) specialized_.pop_back();
  return ready;
}

}  // namespace gossamer::python
