// The table of element types and lookups in it.
#include "base/dtype.h"

namespace gossamer {
namespace {

constexpr DTypeInfo kInfos[] = {
#define DTYPE(name, type, bits, onnx, cls) \
  {DType::name, #name, sizeof(type), bits, onnx, DTypeClass::cls},
#include "base/dtypes.def"
#undef DTYPE
};

}  // namespace

const DTypeInfo& dtype_info(DType dtype) { return kInfos[static_cast<std::size_t>(dtype)]; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& info : kInfos) {
    if (info.name == name) return info.dtype;
  }
  return std::nullopt;
}

std::optional<DType> dtype_from_onnx(std::int64_t code) {
  for (const DTypeInfo& info : kInfos) {
    if (info.onnx_code == code) return info.dtype;
  }
  return std::nullopt;
}

}  // namespace gossamer
