// Reading every byte of a tensor or value, so that a sanitizer sees one that is not there.
#pragma once

#include <cstdlib>
#include <string>

#include "base/tensor.h"

inline volatile unsigned touched = 0;  // so that the reads are not dropped

inline void touch(const gossamer::Tensor& tensor) {
  using namespace gossamer;
  const Result<Tensor> plain = tensor.packed() ? tensor.unpack() : Result<Tensor>(tensor);
  if (!plain.ok()) return;
  unsigned sum = 0;
  if (plain->dtype() == DType::string) {
    for (const std::string& s : plain->values<std::string>())
      for (const char c : s) sum += static_cast<unsigned char>(c);
  } else {
    const auto count = static_cast<std::size_t>(plain->count());
    if (plain->byte_size() != count * dtype_size(plain->dtype())) std::abort();
    const auto* bytes = static_cast<const unsigned char*>(plain->data());
    for (std::size_t i = 0; i < plain->byte_size(); ++i) sum += bytes[i];
  }
  touched = touched + sum;
}

inline void touch(const gossamer::Value& value) {
  if (value.is_tensor()) touch(value.tensor);
  for (const gossamer::Value& item : value.list()) touch(item);
}
