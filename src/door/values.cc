// The C door: errors, tensors and answers.
#include <bit>
#include <cstring>

#include "door/handles.h"
#include "gossamer_version.h"

namespace gossamer::door {

gossamer_code code_of(const Status& status) { return static_cast<gossamer_code>(status.code()); }

static_assert(static_cast<int>(Code::interrupted) == GOSSAMER_INTERRUPTED);
static_assert(static_cast<int>(Code::unsupported) == GOSSAMER_UNSUPPORTED);
static_assert(static_cast<int>(Code::malformed) == GOSSAMER_MALFORMED);
static_assert(kMaxRank == GOSSAMER_MAX_RANK);

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

Result<Tensor> tensor_of(const gossamer_tensor& view, const std::string& name) {
  const std::optional<DType> dtype = dtype_from_onnx(view.dtype);
  if (!dtype || *dtype == DType::string || view.rank < 0 || view.rank > kMaxRank ||
      (view.rank > 0 && !view.shape))
    return usage_error("input '" + name + "' has no valid element type or shape");
  const Shape shape(std::span<const std::int64_t>(view.shape, static_cast<std::size_t>(view.rank)));
  const auto count = shape.checked_count();
  const auto bytes =
      count ? checked_mul(*count, static_cast<std::int64_t>(dtype_size(*dtype))) : std::nullopt;
  if (!bytes) return usage_error("input '" + name + "' has a negative or huge extent");
  if (static_cast<std::size_t>(*bytes) != view.bytes || (view.bytes > 0 && !view.data))
    return usage_error("input '" + name + "' has " + std::to_string(view.bytes) +
                       " bytes, its type needs " + std::to_string(*bytes));
  const std::size_t alignment =
      std::min<std::size_t>(dtype_size(*dtype), alignof(std::max_align_t));
  if (view.bytes > 0 && std::bit_cast<std::uintptr_t>(view.data) % alignment == 0)
    return Tensor::borrow(*dtype, shape, {static_cast<const std::byte*>(view.data), view.bytes},
                          {});
  ASSIGN(Tensor t, Tensor::make_uninitialized(*dtype, shape));
  if (view.bytes > 0) std::memcpy(t.mutable_data(), view.data, view.bytes);
  return t;
}

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
