// SparseTensorProto, with its indices checked once and for all.
#include <algorithm>

#include "onnx/reader.h"

namespace gossamer::onnx {
namespace {

Status index_problem(std::size_t entry, std::string_view problem) {
  return malformed("index #" + std::to_string(entry) + " " + std::string(problem));
}

// Indices of shape [nnz]: offsets into the dense tensor.
Status check_linear(std::span<const std::int64_t> indices, std::int64_t count) {
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] < 0 || indices[i] >= count) return index_problem(i, "is out of range");
    if (i > 0 && indices[i] <= indices[i - 1]) return index_problem(i, "is not above the last");
  }
  return {};
}

// Indices of shape [nnz, rank]: coordinates.
Status check_coordinates(std::span<const std::int64_t> indices, const Shape& dims) {
  const auto rank = static_cast<std::size_t>(dims.rank());
  std::span<const std::int64_t> last;
  for (std::size_t i = 0; i * rank < indices.size(); ++i) {
    const auto row = indices.subspan(i * rank, rank);
    for (std::size_t d = 0; d < rank; ++d) {
      if (row[d] < 0 || row[d] >= dims[static_cast<int>(d)]) {
        return index_problem(i, "is out of range");
      }
    }
    if (i > 0 && !std::lexicographical_compare(last.begin(), last.end(), row.begin(), row.end())) {
      return index_problem(i, "is not above the last");
    }
    last = row;
  }
  return {};
}

Status check_indices(const SparseTensor& sparse) {
  if (sparse.dims.rank() == 0) return malformed("it has no dimensions");
  if (sparse.dims.rank() > kMaxRank) return limit_error("it has too many dimensions");
  const std::optional<std::int64_t> count = sparse.dims.checked_count();
  if (!count) {
    return malformed("shape " + sparse.dims.to_string() +
                     " has a negative extent or too many elements to count");
  }
  if (sparse.values.rank() != 1) return malformed("its values are not a vector");
  const std::int64_t stored = sparse.values.count();
  const Tensor& indices = sparse.indices;
  if (indices.dtype() != DType::i64) return malformed("its indices are not int64");
  if (indices.shape() == Shape{stored}) return check_linear(indices.values<std::int64_t>(), *count);
  if (indices.shape() == Shape{stored, sparse.dims.rank()}) {
    return check_coordinates(indices.values<std::int64_t>(), sparse.dims);
  }
  return malformed("its indices have shape " + indices.shape().to_string() +
                   ", which fits neither " + std::to_string(stored) + " values nor " +
                   std::to_string(sparse.dims.rank()) + " dimensions");
}

}  // namespace

Status read_sparse_tensor(Reader& reader, Bytes bytes, SparseTensor& out) {
  Fields fields(bytes);
  bool has_values = false, has_indices = false;
  std::string unused;
  while (fields.next()) {
    if (fields.number() == 3) TRY(append_int64s(reader, fields, out.dims.dims()));
    if (fields.number() != 1 && fields.number() != 2) continue;
    const bool values = fields.number() == 1;
    bool& seen = values ? has_values : has_indices;
    ASSIGN(const Bytes tensor, fields.bytes());
    if (seen) return malformed(values ? "it has values twice" : "it has indices twice");
    seen = true;
    Status status =
        read_tensor(reader, tensor, values ? out.name : unused, values ? out.values : out.indices);
    if (!status.ok()) return std::move(status).in(values ? "values" : "indices");
  }
  TRY(fields.status());
  if (!has_values) return malformed("it has no values");
  if (!has_indices) {
    ASSIGN(out.indices, Tensor::make(DType::i64, Shape{0}));
  }
  return check_indices(out);
}

}  // namespace gossamer::onnx
