// NonMaxSuppression: sort, then choose greedily.
#include "reference/non_max_suppression.h"

#include <algorithm>
#include <limits>
#include <vector>

namespace gossamer::reference {
namespace {

struct Box {
  float top, left, bottom, right;
  float area() const { return (bottom - top) * (right - left); }
};

Box box_of(const float* v, bool center) {
  if (center) return {v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
  return {std::min(v[0], v[2]), std::min(v[1], v[3]), std::max(v[0], v[2]), std::max(v[1], v[3])};
}

bool overlaps(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0) || !(width > 0)) return false;
  const float both = height * width;
  const float either = a.area() + b.area() - both;
  return a.area() > 0 && b.area() > 0 && either > 0 && both / either > threshold;
}

template <class T>
Result<T> number(Context& c, std::size_t i, T otherwise) {
  if (!c.has(i)) return otherwise;
  if (c.tensor(i).count() != 1)
    return malformed("operand " + std::to_string(i) + " is not one number");
  return c.tensor(i).values<T>()[0];
}

struct Limits {
  std::int64_t most = 0;
  float iou = 0, score = 0;
  bool scored = false;
};

// Appends the chosen boxes of one class, best first.
Status choose(const Limits& limits, std::span<const Box> boxes, std::span<const float> scores,
              std::vector<std::int64_t>& chosen, Context& c) {
  std::vector<std::int64_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (!(scores[i] != scores[i]) && (!limits.scored || scores[i] > limits.score))
      order.push_back(static_cast<std::int64_t>(i));
  std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    const float first = scores[static_cast<std::size_t>(a)];
    const float second = scores[static_cast<std::size_t>(b)];
    return first != second ? first > second : a < b;
  });
  for (std::int64_t i : order) {
    if (static_cast<std::int64_t>(chosen.size()) >= limits.most) break;
    TRY(c.poll());
    const Box& box = boxes[static_cast<std::size_t>(i)];
    const bool free = std::none_of(chosen.begin(), chosen.end(), [&](std::int64_t other) {
      return overlaps(box, boxes[static_cast<std::size_t>(other)], limits.iou);
    });
    if (free) chosen.push_back(i);
  }
  return {};
}

}  // namespace

Status non_max_suppression(const NonMaxSuppressionAttributes& a, Context& c) {
  const Shape &b = c.tensor(0).shape(), &s = c.tensor(1).shape();
  if (b.rank() != 3 || s.rank() != 3 || b[0] != s[0] || b[1] != s[2] || b[2] != 4)
    return malformed("boxes of shape " + b.to_string() + " and scores of shape " + s.to_string());
  Limits limits;
  ASSIGN(limits.most, number<std::int64_t>(c, 2, 0));
  ASSIGN(limits.iou, number<float>(c, 3, 0));
  ASSIGN(limits.score, number<float>(c, 4, 0));
  limits.scored = c.has(4);
  const auto n = static_cast<std::size_t>(b[1]);
  std::vector<Box> boxes(n);
  std::vector<std::int64_t> rows;
  for (std::int64_t batch = 0; batch < s[0]; ++batch) {
    const float* from = c.tensor(0).values<float>().data() + batch * b[1] * 4;
    for (std::size_t i = 0; i < n; ++i) boxes[i] = box_of(from + 4 * i, a.center);
    for (std::int64_t cls = 0; cls < s[1]; ++cls) {
      std::vector<std::int64_t> chosen;
      const auto first = static_cast<std::size_t>((batch * s[1] + cls) * b[1]);
      TRY(choose(limits, boxes, c.tensor(1).values<float>().subspan(first, n), chosen, c));
      for (std::int64_t i : chosen) rows.insert(rows.end(), {batch, cls, i});
    }
  }
  ASSIGN(Tensor * y, c.make(0, DType::i64, Shape{static_cast<std::int64_t>(rows.size() / 3), 3}));
  std::copy(rows.begin(), rows.end(), y->mutable_values<std::int64_t>().begin());
  return {};
}

}  // namespace gossamer::reference
