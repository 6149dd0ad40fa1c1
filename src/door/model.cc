// The C door to models: opening, what they take and give, single runs, writing packages.
#include <algorithm>

#include "door/handles.h"
#include "gossamer_version.h"
#include "package/package.h"

namespace gossamer::door {
namespace {

using runtime::Program;

Port port_of(const Program& program, const runtime::Port& p) {
  Port out;
  out.name = p.name;
  out.is_tensor = p.is_tensor;
  const runtime::Slot& slot = program.slots[static_cast<std::size_t>(p.slot)];
  out.dtype = slot.dtype;
  out.extents = p.extents;
  out.rank = slot.ranked ? static_cast<int>(p.extents.size()) : -1;
  return out;
}

Status open(const char* path, const gossamer_operators* operators, gossamer_model** model) {
  if (!path || !model) return usage_error("path or model is NULL");
  *model = nullptr;
  prepare_operations();
  auto out = std::make_unique<gossamer_model>();
  if (package::is_package(path)) {
    ASSIGN(package::Package package, package::open(path));
    out->compiled = std::move(package.program);
    for (const runtime::Port& p : out->compiled->inputs)
      out->inputs.push_back(port_of(*out->compiled, p));
    for (const runtime::Port& p : out->compiled->outputs)
      out->outputs.push_back(port_of(*out->compiled, p));
  } else {
    ASSIGN(out->source, open_source(path, operators));
    out->inputs = out->source->inputs;
    out->outputs = out->source->outputs;
  }
  *model = out.release();
  return {};
}

// The caller's tensors under their names, each name once.
Result<std::vector<NamedValue>> named_inputs(const char* const* names,
                                             const gossamer_tensor* inputs, std::size_t count) {
  std::vector<NamedValue> out;
  for (std::size_t i = 0; i < count; ++i) {
    if (!names[i]) return usage_error("the name of input " + std::to_string(i) + " is NULL");
    ASSIGN(Tensor t, tensor_of(inputs[i], names[i]));
    const auto same = [&](const NamedValue& v) { return v.name == names[i]; };
    if (std::any_of(out.begin(), out.end(), same))
      return usage_error("input '" + std::string(names[i]) + "' is given twice");
    out.push_back({names[i], Value(std::move(t))});
  }
  return out;
}

// A package's program, once, on a session of its own.
Result<std::vector<NamedValue>> run_program(gossamer_model& model, std::vector<NamedValue> named) {
  std::vector<Value> ordered(model.inputs.size());
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    const auto found = std::find_if(named.begin(), named.end(), [&](const NamedValue& v) {
      return v.name == model.inputs[i].name;
    });
    if (found == named.end()) return usage_error("input '" + model.inputs[i].name + "' is missing");
    ordered[i] = std::move(found->value);
  }
  if (named.size() != ordered.size())
    return usage_error("an input was given that the model does not have");
  ASSIGN(auto program, model.program());
  ASSIGN(auto session, runtime::Session::open(std::move(program)));
  ASSIGN(std::vector<Value> values, session->run(ordered));
  std::vector<NamedValue> out;
  for (std::size_t i = 0; i < values.size(); ++i)
    out.push_back({model.outputs[i].name, std::move(values[i])});
  return out;
}

Status run(gossamer_model& model, const char* const* names, const gossamer_tensor* inputs,
           std::size_t count, gossamer_answer** answer) {
  ASSIGN(std::vector<NamedValue> given, named_inputs(names, inputs, count));
  Result<std::vector<NamedValue>> values =
      model.source ? model.source->run(std::move(given)) : run_program(model, std::move(given));
  if (!values.ok()) return std::move(values).status();
  *answer = std::make_unique<gossamer_answer>(gossamer_answer{std::move(*values)}).release();
  return {};
}

const char* name_at(const std::vector<Port>& ports, std::size_t i) {
  return i < ports.size() ? ports[i].name.c_str() : nullptr;
}

int type_at(const std::vector<Port>& ports, std::size_t i, gossamer_dtype* dtype,
            std::int32_t* rank, std::int64_t* shape) {
  if (i >= ports.size() || !ports[i].is_tensor || ports[i].dtype == DType::string) return 0;
  *dtype = static_cast<gossamer_dtype>(dtype_info(ports[i].dtype).onnx_code);
  *rank = ports[i].rank;
  std::copy(ports[i].extents.begin(), ports[i].extents.end(), shape);
  return 1;
}

}  // namespace
}  // namespace gossamer::door

namespace door = gossamer::door;

gossamer::Result<std::shared_ptr<const gossamer::runtime::Program>> gossamer_model::program() {
  const std::lock_guard lock(mutex);
  if (!compiled) {
    ASSIGN(gossamer::runtime::Program made, source->compile());
    compiled = std::make_shared<const gossamer::runtime::Program>(std::move(made));
  }
  return compiled;
}

gossamer_code gossamer_model_open(const char* path, const gossamer_operators* operators,
                                  gossamer_model** model, gossamer_error** error) {
  return door::guarded(error, [&] { return door::open(path, operators, model); });
}
gossamer_code gossamer_model_save(gossamer_model* model, const char* path, gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!model || !path) return gossamer::usage_error("an argument is NULL");
    ASSIGN(const auto program, model->program());
    gossamer::package::WriteOptions options;
    options.producer = std::string("gossamer ") + GOSSAMER_VERSION;
    return gossamer::package::write(*program, path, options);
  });
}
void gossamer_model_free(gossamer_model* model) { door::destroy(model); }

std::size_t gossamer_model_input_count(const gossamer_model* model) { return model->inputs.size(); }
std::size_t gossamer_model_output_count(const gossamer_model* model) {
  return model->outputs.size();
}
const char* gossamer_model_input_name(const gossamer_model* model, std::size_t index) {
  return door::name_at(model->inputs, index);
}
const char* gossamer_model_output_name(const gossamer_model* model, std::size_t index) {
  return door::name_at(model->outputs, index);
}
int gossamer_model_input_type(const gossamer_model* model, std::size_t index, gossamer_dtype* dtype,
                              std::int32_t* rank, std::int64_t* shape) {
  return door::type_at(model->inputs, index, dtype, rank, shape);
}
int gossamer_model_output_type(const gossamer_model* model, std::size_t index,
                               gossamer_dtype* dtype, std::int32_t* rank, std::int64_t* shape) {
  return door::type_at(model->outputs, index, dtype, rank, shape);
}

gossamer_code gossamer_model_run(gossamer_model* model, const char* const* names,
                                 const gossamer_tensor* inputs, std::size_t count,
                                 gossamer_answer** answer, gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!model || !answer || (count > 0 && (!names || !inputs)))
      return gossamer::usage_error("an argument is NULL");
    *answer = nullptr;
    return door::run(*model, names, inputs, count, answer);
  });
}
