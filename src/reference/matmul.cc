// MatMul, panel by panel of columns; sums are formed in the accumulator and rounded once.
#include "reference/matmul.h"

#include <algorithm>

#include "reference/accumulate.h"
#include "reference/product.h"
#include "reference/zero_point.h"

namespace gossamer::reference {
namespace {

struct Layout {
  std::int64_t m = 1, n = 1, k = 0;
  std::int64_t a_row = 0, a_k = 1, b_k = 1, b_column = 0;  // strides in elements
  Shape batch;                                             // broadcast
  std::vector<std::int64_t> a_batch, b_batch;              // strides, in matrices
  Shape result;
};

Shape batch_of(const Shape& s) {
  return Shape(std::span(s.dims()).first(static_cast<std::size_t>(std::max(s.rank() - 2, 0))));
}

Result<Layout> layout_of(const MatMulAttributes& at, const Shape& a, const Shape& b) {
  if (a.rank() == 0 || b.rank() == 0) return malformed("a scalar operand");
  if ((at.trans_a && a.rank() < 2) || (at.trans_b && b.rank() < 2))
    return malformed("a vector cannot be transposed");
  Layout l;
  const int ra = a.rank(), rb = b.rank();
  l.k = a[ra - 1];
  if (ra > 1) {
    l.m = at.trans_a ? a[ra - 1] : a[ra - 2];
    l.k = at.trans_a ? a[ra - 2] : a[ra - 1];
    l.a_row = at.trans_a ? 1 : l.k;
    l.a_k = at.trans_a ? l.m : 1;
  }
  std::int64_t k = b[rb - 1];
  if (rb > 1) {
    k = at.trans_b ? b[rb - 1] : b[rb - 2];
    l.n = at.trans_b ? b[rb - 2] : b[rb - 1];
    l.b_column = at.trans_b ? k : 1;
    l.b_k = at.trans_b ? 1 : l.n;
  }
  Result<Shape> batch = broadcast(batch_of(a), batch_of(b));
  if (k != l.k || !batch.ok())
    return malformed("shapes " + a.to_string() + " and " + b.to_string() + " do not fit");
  l.batch = *batch;
  l.a_batch = broadcast_strides(batch_of(a), l.batch);
  l.b_batch = broadcast_strides(batch_of(b), l.batch);
  l.result = l.batch;
  if (ra > 1) l.result.dims().push_back(l.m);
  if (rb > 1) l.result.dims().push_back(l.n);
  return l;
}

std::int64_t matrix_at(const Layout& l, const std::vector<std::int64_t>& strides,
                       std::int64_t index) {
  std::int64_t offset = 0;
  for (int d = l.batch.rank() - 1; d >= 0; --d) {
    offset += index % l.batch[d] * strides[static_cast<std::size_t>(d)];
    index /= l.batch[d];
  }
  return offset;
}

template <class T>
Status multiply(const Layout& l, std::span<const T> a, std::span<const T> b, std::span<T> y,
                Context& c) {
  if (y.empty()) return {};
  const DType dtype = dtype_of<T>;
  ASSIGN(Tensor packed, Tensor::make_uninitialized(dtype, Shape{packed_count(l.m, l.k)}));
  ASSIGN(Tensor panel, Tensor::make_uninitialized(dtype, Shape{l.k, kProductColumns}));
  T* const rows = packed.mutable_values<T>().data();
  T* const columns = panel.mutable_values<T>().data();
  std::int64_t packed_matrix = -1;
  const std::int64_t matrices = l.batch.count();
  for (std::int64_t i = 0; i < matrices; ++i) {
    const std::int64_t at = matrix_at(l, l.a_batch, i);
    if (at != packed_matrix) pack_rows(a.data() + at * l.m * l.k, l.m, l.k, l.a_row, l.a_k, rows);
    packed_matrix = at;
    const T* right = b.data() + matrix_at(l, l.b_batch, i) * l.k * l.n;
    for (std::int64_t first = 0; first < l.n; first += kProductColumns) {
      TRY(c.poll());
      const std::int64_t count = std::min(kProductColumns, l.n - first);
      pack_panel(right + first * l.b_column, l.k, count, l.b_k, l.b_column, columns);
      multiply_panel(rows, columns, l.m, l.k, count, y.data() + i * l.m * l.n + first, l.n);
    }
  }
  return {};
}

Result<Tensor> operand(Context& c, std::size_t i, DType accumulator) {
  if (c.has(i + 2)) return without_zero_point(c.tensor(i), c.tensor(i + 2));
  return widened(c.tensor(i), accumulator);
}

}  // namespace

Status matmul(const MatMulAttributes& at, Context& c) {
  ASSIGN(const Layout l, layout_of(at, c.tensor(0).shape(), c.tensor(1).shape()));
  ASSIGN(const DType dtype, product_dtype(c.tensor(0).dtype(), c.tensor(1).dtype(), at.wide));
  const DType accumulator = accumulator_of(dtype);
  ASSIGN(Tensor * y, c.make(0, dtype, l.result));
  ASSIGN(const Tensor a, operand(c, 0, accumulator));
  ASSIGN(const Tensor b, operand(c, 1, accumulator));
  const bool direct = is_accumulator(dtype);
  Tensor rounded;
  if (!direct) {
    ASSIGN(rounded, Tensor::make_uninitialized(accumulator, l.result));
  }
  Tensor& sums = direct ? *y : rounded;
  TRY(visit_accumulator(accumulator, [&](auto tag) {
    using T = typename decltype(tag)::type;
    return multiply<T>(l, a.values<T>(), b.values<T>(), sums.mutable_values<T>(), c);
  }));
  if (!direct) narrow(sums, *y);
  return {};
}

}  // namespace gossamer::reference
