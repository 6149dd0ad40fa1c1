// The C door for operators of the host: registration, and what their functions see of a call.
#include "door_full/operators.h"

namespace gossamer::door {
namespace {

// What a host's function returned, as a Status.
Status outcome(int returned, gossamer_call& call) {
  if (!call.failure.ok()) return std::move(call.failure);
  if (returned != 0) return malformed("the host's operator failed without saying why");
  return {};
}

HostOperator wrap(const gossamer_operator& o) {
  HostOperator out;
  out.domain = o.domain ? o.domain : "";
  out.name = o.name ? o.name : "";
  out.since = o.since_version;
  if (o.infer)
    out.infer = [infer = o.infer, user = o.user](const std::vector<NamedAttribute>& attributes,
                                                 InferContext& c) {
      gossamer_call call{&attributes, &c, nullptr, {}};
      return outcome(infer(&call, user), call);
    };
  if (o.run)
    out.run = [run = o.run, user = o.user](const std::vector<NamedAttribute>& attributes,
                                           Context& c) {
      gossamer_call call{&attributes, nullptr, &c, {}};
      return outcome(run(&call, user), call);
    };
  return out;
}

template <class T>
const T* attribute(const gossamer_call* call, const char* name) {
  for (const NamedAttribute& a : *call->attributes)
    if (a.name == name) return std::get_if<T>(&a.value.value);
  return nullptr;
}

int type_of(const Type& type, gossamer_dtype* dtype, std::int32_t* rank, std::int64_t* shape,
            std::int32_t room) {
  if (!type.is_tensor()) return 0;
  *dtype = static_cast<gossamer_dtype>(dtype_info(type.dtype).onnx_code);
  *rank = type.ranked() ? type.rank() : -1;
  if (*rank > room) return 0;
  for (int d = 0; d < *rank; ++d) shape[d] = type.dim(d).constant().value_or(-1);
  return 1;
}

}  // namespace
}  // namespace gossamer::door

namespace door = gossamer::door;

gossamer_operators* gossamer_operators_new(void) {
  try {
    return std::make_unique<gossamer_operators>().release();
  } catch (...) {
    return nullptr;
  }
}

void gossamer_operators_free(gossamer_operators* operators) {
  const std::unique_ptr<gossamer_operators> owner(operators);
}

gossamer_code gossamer_operators_add(gossamer_operators* operators, const gossamer_operator* added,
                                     gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!operators || !added) return gossamer::usage_error("an argument is NULL");
    return operators->operators.add(door::wrap(*added));
  });
}

std::size_t gossamer_call_input_count(const gossamer_call* call) {
  return call->infer ? call->infer->operand_count() : call->run->operand_count();
}

std::size_t gossamer_call_output_count(const gossamer_call* call) {
  return call->infer ? call->infer->result_count() : call->run->result_count();
}

int gossamer_call_int(const gossamer_call* call, const char* name, std::int64_t* value) {
  const auto* v = door::attribute<std::int64_t>(call, name);
  if (v) *value = *v;
  return v != nullptr;
}

int gossamer_call_float(const gossamer_call* call, const char* name, double* value) {
  const auto* v = door::attribute<double>(call, name);
  if (v) *value = *v;
  return v != nullptr;
}

int gossamer_call_string(const gossamer_call* call, const char* name, const char** value) {
  const auto* v = door::attribute<std::string>(call, name);
  if (v) *value = v->c_str();
  return v != nullptr;
}

int gossamer_call_fail(gossamer_call* call, const char* message) {
  call->failure = gossamer::malformed(message ? message : "the host's operator failed");
  return 1;
}

int gossamer_call_input_type(const gossamer_call* call, std::size_t index, gossamer_dtype* dtype,
                             std::int32_t* rank, std::int64_t* shape, std::int32_t room) {
  if (!call->infer || !call->infer->has(index)) return 0;
  return door::type_of(call->infer->type(index), dtype, rank, shape, room);
}

void gossamer_call_output_like(gossamer_call* call, std::size_t index, std::size_t input) {
  if (call->infer && call->infer->has(input)) call->infer->set(index, call->infer->type(input));
}

void gossamer_call_output_type(gossamer_call* call, std::size_t index, gossamer_dtype dtype,
                               std::int32_t rank, const std::int64_t* shape) {
  const std::optional<gossamer::DType> d = gossamer::dtype_from_onnx(dtype);
  if (!call->infer || !d || rank < 0 || rank > gossamer::kMaxRank) {
    call->failure = gossamer::malformed("the host's operator set an invalid output type");
    return;
  }
  gossamer::DimVector dims;
  for (std::int32_t i = 0; i < rank; ++i)
    dims.push_back(shape[i] >= 0 ? gossamer::Dim(shape[i]) : call->infer->fresh());
  call->infer->set(index, *d, std::move(dims));
}

int gossamer_call_input(const gossamer_call* call, std::size_t index, gossamer_tensor* tensor) {
  *tensor = {};
  if (!call->run || !call->run->has(index) || !call->run->value(index).is_tensor()) return 0;
  return door::view(call->run->tensor(index), tensor) ? 1 : 0;
}

void* gossamer_call_output(gossamer_call* call, std::size_t index, gossamer_dtype dtype,
                           std::int32_t rank, const std::int64_t* shape) {
  const std::optional<gossamer::DType> d = gossamer::dtype_from_onnx(dtype);
  if (!call->run || !d || index >= call->run->result_count() || rank < 0 ||
      rank > gossamer::kMaxRank) {
    call->failure =
        gossamer::malformed("the host's operator asked for an output that does not exist");
    return nullptr;
  }
  const gossamer::Shape extents(
      std::span<const std::int64_t>(shape, static_cast<std::size_t>(rank)));
  gossamer::Result<gossamer::Tensor*> t = call->run->make(index, *d, extents);
  if (t.ok() && (*t)->dtype() != gossamer::DType::string) return (*t)->mutable_data();
  call->failure =
      t.ok() ? gossamer::unsupported("strings cannot be made by a host's operator") : t.status();
  return nullptr;
}
