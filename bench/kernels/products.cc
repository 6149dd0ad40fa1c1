// Matrix products, attention and recurrent layers.
#include "harness.h"
#include "kernels/attention/attention.h"
#include "kernels/block_product/block_product.h"
#include "kernels/matmul/matmul.h"
#include "kernels/recurrent/recurrent.h"

namespace gossamer::bench {
namespace {

std::string shape_text(std::int64_t m, std::int64_t k, std::int64_t n) {
  return "M=" + std::to_string(m) + " K=" + std::to_string(k) + " N=" + std::to_string(n);
}

// Weights packed, bias and bounds in the epilogue. The layout of random numbers is as good as any.
Case product(std::int64_t m, std::int64_t k, std::int64_t n, Bound bound) {
  kernels::MatMulStep step;
  step.packed = true;
  step.k = k;
  step.n = n;
  step.bias = true;
  step.low = 0;
  step.high = 6;
  const auto packed = static_cast<std::int64_t>(kernels::packed_matmul_size(k, n) / sizeof(float));
  return make_case("matmul " + shape_text(m, k, n), bound, step,
                   {row_major({m, k}), row_major({packed}), row_major({n})}, {row_major({m, n})});
}

// 4-bit weights with a scale a block of 32.
Case few_bits(std::int64_t m, std::int64_t k, std::int64_t n) {
  const kernels::BlockProductStep step{k, n, 32, 4, false};
  const auto packed = static_cast<std::int64_t>(kernels::packed_block_product_size(step));
  return make_case("block_product " + shape_text(m, k, n), Bound::traffic, step,
                   {row_major({m, k}), row_major({packed}, DType::u8)}, {row_major({m, n})});
}

void add_attention(std::int64_t heads, std::int64_t length, std::int64_t width) {
  kernels::AttentionStep step;
  step.scale = 0.125f;
  const kernels::View v = row_major({1, heads, length, width});
  add(make_case("attention heads=" + std::to_string(heads) + " length=" + std::to_string(length) +
                    " width=" + std::to_string(width),
                Bound::arithmetic, step, {v, v, v}, {v}));
}

void add_lstm(std::int64_t steps, std::int64_t inputs, std::int64_t hidden) {
  kernels::RecurrentStep step;
  step.inputs = inputs;
  step.hidden = hidden;
  kernels::View none;
  none.rank = -1;
  add(make_case("lstm steps=" + std::to_string(steps) + " inputs=" + std::to_string(inputs) +
                    " hidden=" + std::to_string(hidden),
                Bound::arithmetic, step,
                {row_major({steps, 1, inputs}), row_major({kernels::packed_recurrent_count(step)}),
                 none, none, none},
                {row_major({steps, 1, 1, hidden}), none, none}));
}

}  // namespace

void add_products() {
  for (const auto& [m, k, n] : std::vector<std::array<std::int64_t, 3>>{{196, 256, 64},
                                                                        {196, 256, 256},
                                                                        {196, 1152, 128},
                                                                        {256, 384, 384},
                                                                        {784, 256, 64},
                                                                        {128, 768, 768},
                                                                        {128, 768, 3072}})
    add(product(m, k, n, Bound::arithmetic));
  Case vector = product(1, 8192, 8192, Bound::traffic);  // 256 MB of weights
  vector.all_threads = true;
  add(std::move(vector));
  add(product(1, 256, 512, Bound::traffic));
  Case narrow = few_bits(1, 4096, 11008);
  narrow.all_threads = true;
  add(std::move(narrow));
  add_attention(12, 128, 64);
  add_attention(8, 512, 64);
  add_lstm(1, 128, 128);
  add_lstm(40, 120, 48);
}

}  // namespace gossamer::bench
