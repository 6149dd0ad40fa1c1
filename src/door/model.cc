// The C door to models: opening, running, answers, errors.
#include <cstring>

#include "door/handles.h"
#include "gossamer_version.h"

namespace gossamer::door {

gossamer_code code_of(const Status& status) { return static_cast<gossamer_code>(status.code()); }

static_assert(static_cast<int>(Code::interrupted) == GOSSAMER_INTERRUPTED);
static_assert(static_cast<int>(Code::unsupported) == GOSSAMER_UNSUPPORTED);
static_assert(static_cast<int>(Code::malformed) == GOSSAMER_MALFORMED);

gossamer_code report(Status status, gossamer_error** error) {
  const gossamer_code code = code_of(status);
  if (error && !status.ok()) *error = std::make_unique<gossamer_error>(std::move(status)).release();
  return code;
}

bool view(const Tensor& t, gossamer_tensor* out) {
  if (t.dtype() == DType::string) return false;
  out->dtype = static_cast<gossamer_dtype>(dtype_info(t.dtype()).onnx_code);
  out->rank = t.rank();
  out->shape = t.shape().dims().data();
  out->data = t.data();
  out->bytes = t.byte_size();
  return true;
}

namespace {

// A copy of the caller's bytes, checked against shape and element type.
Result<Tensor> tensor_of(const gossamer_tensor& view, const std::string& name) {
  const std::optional<DType> dtype = dtype_from_onnx(view.dtype);
  if (!dtype || *dtype == DType::string || view.rank < 0 || view.rank > kMaxRank ||
      (view.rank > 0 && !view.shape))
    return usage_error("input '" + name + "' has no valid element type or shape");
  const Shape shape(std::span<const std::int64_t>(view.shape, static_cast<std::size_t>(view.rank)));
  if (!shape.checked_count())
    return usage_error("input '" + name + "' has a negative or huge extent");
  ASSIGN(Tensor t, Tensor::make_uninitialized(*dtype, shape));
  if (t.byte_size() != view.bytes || (view.bytes > 0 && !view.data))
    return usage_error("input '" + name + "' has " + std::to_string(view.bytes) +
                       " bytes, its type needs " + std::to_string(t.byte_size()));
  if (view.bytes > 0) std::memcpy(t.mutable_data(), view.data, view.bytes);
  return t;
}

Status run(const gossamer_model& model, const char* const* names, const gossamer_tensor* inputs,
           std::size_t count, gossamer_answer** answer) {
  std::map<std::string, Value> feeds;
  for (std::size_t i = 0; i < count; ++i) {
    if (!names[i]) return usage_error("the name of input " + std::to_string(i) + " is NULL");
    ASSIGN(Tensor t, tensor_of(inputs[i], names[i]));
    feeds.insert_or_assign(names[i], Value(std::move(t)));
  }
  onnx::LowerOptions options;
  options.hosts = model.operators;
  ASSIGN(auto values, onnx::run_reference(model.model, feeds, std::move(options), {}));
  *answer = std::make_unique<gossamer_answer>(gossamer_answer{std::move(values)}).release();
  return {};
}

Status open(const char* path, const gossamer_operators* operators, gossamer_model** model) {
  if (!path || !model) return usage_error("path or model is NULL");
  *model = nullptr;
  ASSIGN(onnx::Model read, onnx::read_model(path));
  auto out = std::make_unique<gossamer_model>();
  for (const onnx::ValueInfo* v : onnx::free_inputs(read)) out->inputs.push_back(v->name);
  for (const onnx::ValueInfo& v : read.graph.outputs) out->outputs.push_back(v.name);
  out->model = std::make_shared<const onnx::Model>(std::move(read));
  if (operators) out->operators = std::make_shared<const HostOperators>(operators->operators);
  *model = out.release();
  return {};
}

const char* name_at(const std::vector<std::string>& names, std::size_t i) {
  return i < names.size() ? names[i].c_str() : nullptr;
}

// Gives a released handle back to the owner that destroys it.
template <class T>
void destroy(T* handle) {
  const std::unique_ptr<T> owner(handle);
}

}  // namespace
}  // namespace gossamer::door

namespace door = gossamer::door;

const char* gossamer_version(void) { return GOSSAMER_VERSION; }

gossamer_code gossamer_error_code(const gossamer_error* error) {
  return error ? door::code_of(error->status) : GOSSAMER_OK;
}
const char* gossamer_error_message(const gossamer_error* error) {
  return error ? error->status.message().c_str() : "";
}
const char* gossamer_error_hint(const gossamer_error* error) {
  return error ? error->status.hint().c_str() : "";
}
void gossamer_error_free(gossamer_error* error) { door::destroy(error); }

gossamer_code gossamer_model_open(const char* path, const gossamer_operators* operators,
                                  gossamer_model** model, gossamer_error** error) {
  return door::guarded(error, [&] { return door::open(path, operators, model); });
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

gossamer_code gossamer_model_run(const gossamer_model* model, const char* const* names,
                                 const gossamer_tensor* inputs, std::size_t count,
                                 gossamer_answer** answer, gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!model || !answer || (count > 0 && (!names || !inputs)))
      return gossamer::usage_error("an argument is NULL");
    *answer = nullptr;
    return door::run(*model, names, inputs, count, answer);
  });
}
std::size_t gossamer_answer_count(const gossamer_answer* answer) { return answer->values.size(); }
const char* gossamer_answer_name(const gossamer_answer* answer, std::size_t index) {
  return index < answer->values.size() ? answer->values[index].name.c_str() : nullptr;
}
gossamer_code gossamer_answer_tensor(const gossamer_answer* answer, std::size_t index,
                                     gossamer_tensor* tensor, gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (index >= answer->values.size()) return gossamer::usage_error("no such output");
    const gossamer::Value& v = answer->values[index].value;
    if (!v.is_tensor() || !door::view(v.tensor, tensor))
      return gossamer::unsupported("output '" + answer->values[index].name +
                                   "' is no numeric tensor");
    return {};
  });
}
void gossamer_answer_free(gossamer_answer* answer) { door::destroy(answer); }
