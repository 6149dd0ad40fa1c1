// Attention: blocks of one head's queries meet blocks of keys. Keys are packed into panels (and
// values too, where they do not lie as one), once for all of a head's queries where one block holds
// all keys; a few queries take dot products instead.
#include "kernels/attention/attention.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string>

#include "kernels/attention/attention_table.h"
#include "kernels/indices.h"
#include "kernels/level.h"
#include "kernels/panel/panel_table.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(PanelTable, panel_table)
DECLARE_LEVEL_TABLES(AttentionTable, attention_table)

std::span<const std::string_view> enum_names(EmptyRow) {
  static constexpr std::array<std::string_view, 2> kNames = {"zero", "nan"};
  return kNames;
}

namespace {

enum Operand : std::size_t { kQ, kK, kV, kMask, kKeys, kOffset, kOperands };

constexpr std::int64_t kKeysAtOnce = 512;
constexpr std::int64_t kQueriesAtOnce = 48, kQueriesOfMany = 96;  // the latter with many keys
constexpr std::int64_t kFewQueries = 3;                           // for which keys are not packed
constexpr std::int64_t kMaxPosition = std::int64_t{1} << 60;
constexpr float kClosed = -std::numeric_limits<float>::infinity();

std::int64_t round_up(std::int64_t n) { return (n + kPanelUnit - 1) / kPanelUnit * kPanelUnit; }

// Places in the workspace of one share.
struct Room {
  std::size_t keys, values, queries, scores, bias, sums, top, total, rows, out, size;
};

class Heads final : public Prepared {
 public:
  Heads(const AttentionStep& step, const Shapes& shapes)
      : s_(step), panel_(panel_table(shapes.level)), table_(attention_table(shapes.level)) {
    for (std::size_t i = 0; i < kOperands; ++i) {
      in_[i].rank = -1;
      if (i < shapes.inputs.size()) in_[i] = shapes.inputs[i];
    }
    y_ = shapes.outputs[0];
    const auto &q = in_[kQ].extents, &v = in_[kV].extents;
    batch_ = q[0], heads_ = q[1], queries_ = q[2], depth_ = q[3];
    groups_ = v[1], keys_ = v[2], width_ = v[3];
    panel_width_ = round_up(width_);
    at_once_ = std::clamp<std::int64_t>(round_up(keys_), kPanelUnit, kKeysAtOnce);
    const std::int64_t most = keys_ > kKeysAtOnce ? kQueriesOfMany : kQueriesAtOnce;
    blocks_ = std::max<std::int64_t>((queries_ + most - 1) / most, 1);
    rows_ = (queries_ + blocks_ - 1) / blocks_;
    few_ = rows_ <= kFewQueries && in_[kK].strides[3] == 1;
    const bool lines = in_[kV].strides[3] == 1 && width_ == panel_width_;
    values_lie_ = lines && (few_ || in_[kV].strides[2] == width_);
    mask_strides();
    room_ = room();
    workspace = room_.size;
    const double scores =
        static_cast<double>(batch_ * heads_ * queries_) * static_cast<double>(keys_);
    flops = 2 * scores * static_cast<double>(depth_ + width_);
    bytes = 4.0 * static_cast<double>(batch_ * heads_ * queries_ * (depth_ + width_) +
                                      batch_ * groups_ * keys_ * (depth_ + width_));
    parts = worthwhile_parts(flops / 80 + scores * 0.5, shapes.threads);
  }

  void run(const Addresses& a, int part, int of) const override {
    const Range units = share(batch_ * heads_ * blocks_, part, of);
    Work w = work(a);
    for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
      const std::int64_t block = unit % blocks_, head = unit / blocks_;
      w.batch = head / heads_;
      w.head = head % heads_;
      w.first = queries_ * block / blocks_;
      w.count = queries_ * (block + 1) / blocks_ - w.first;
      if (w.count > 0) run_block(w);
    }
  }

 private:
  // What one share works on.
  struct Work {
    const Addresses& a;
    float *keys, *values, *queries, *scores, *bias, *sums, *top, *total;
    const float** rows;
    float** out;
    std::int64_t batch = 0, head = 0, first = 0, count = 0;  // the queries at hand
    std::int64_t packed_group = -1, packed_from = -1;        // the keys that are packed
    std::int64_t offset = 0, open = 0;                       // the batch's: position, open keys
    const float* v = nullptr;                                // values of the keys at hand
    std::int64_t v_step = 0;
  };

  Room room() const {
    Room r{};
    const auto add = [&](std::int64_t count, std::size_t each) {
      const std::size_t at = r.size;
      r.size += (static_cast<std::size_t>(count) * each + 63) / 64 * 64;
      return at;
    };
    const std::int64_t panels = (at_once_ + kPanelColumns - 1) / kPanelColumns;
    r.keys = add(few_ ? 0 : panels * kPanelColumns * depth_, 4);
    r.values = add(values_lie_ ? 0 : at_once_ * panel_width_, 4);
    r.queries = add(in_[kQ].strides[3] == 1 ? 0 : rows_ * depth_, 4);
    r.scores = add(rows_ * at_once_, 4);
    r.bias = add(masked() ? at_once_ : 0, 4);
    r.sums = add(rows_ * panel_width_, 4);
    r.top = add(rows_, 4);
    r.total = add(rows_, 4);
    r.rows = add(rows_, sizeof(float*));
    r.out = add(rows_, sizeof(float*));
    return r;
  }

  Work work(const Addresses& a) const {
    const auto floats = [&](std::size_t at) { return reinterpret_cast<float*>(a.workspace + at); };
    return {a,
            floats(room_.keys),
            floats(room_.values),
            floats(room_.queries),
            floats(room_.scores),
            floats(room_.bias),
            floats(room_.sums),
            floats(room_.top),
            floats(room_.total),
            reinterpret_cast<const float**>(a.workspace + room_.rows),
            reinterpret_cast<float**>(a.workspace + room_.out)};
  }

  bool masked() const { return in_[kMask].rank >= 0; }
  void mask_strides() {
    const View& m = in_[kMask];
    if (!masked()) return;
    mask_length_ = m.extents[static_cast<std::size_t>(m.rank) - 1];
    for (int d = m.rank - 1, to = 3; d >= 0; --d, --to) {
      const auto at = static_cast<std::size_t>(d);
      mask_[static_cast<std::size_t>(to)] = m.extents[at] == 1 ? 0 : m.strides[at];
    }
  }

  // A number of the batch, of an operand with one or as many as batches.
  std::int64_t number(const Work& w, std::size_t operand, std::int64_t otherwise) const {
    const View& v = in_[operand];
    if (v.rank < 0) return otherwise;
    const std::int64_t at = v.rank == 1 && v.extents[0] > 1 ? w.batch * v.strides[0] : 0;
    return index_at(w.a.inputs[operand], v.dtype, at);
  }

  // The keys that query i may see by its position.
  Range open_keys(const Work& w, std::int64_t i) const {
    const std::int64_t here = i + w.offset;
    Range r{0, w.open};
    if (s_.causal) r.end = std::min(r.end, here + 1);
    if (s_.right >= 0) r.end = std::min(r.end, here + std::min(s_.right, kMaxPosition) + 1);
    if (s_.left >= 0) r.begin = std::max(r.begin, here - std::min(s_.left, kMaxPosition));
    r.end = std::max<std::int64_t>(r.end, 0);
    return r;
  }

  void run_block(Work& w) const {
    w.offset = std::clamp(number(w, kOffset, 0), -kMaxPosition, kMaxPosition);
    w.open = std::clamp<std::int64_t>(number(w, kKeys, keys_), 0, keys_);
    if (masked()) w.open = std::min(w.open, mask_length_);
    std::fill_n(w.top, w.count, kClosed);
    std::fill_n(w.total, w.count, 0.0F);
    const std::int64_t begin = open_keys(w, w.first).begin / kPanelUnit * kPanelUnit;
    const std::int64_t end = open_keys(w, w.first + w.count - 1).end;
    for (std::int64_t from = begin; from < end; from += at_once_) {
      const std::int64_t n = std::min(at_once_, end - from);
      take_keys(w, from);
      multiply_keys(w, from, n);
      weigh(w, from, n, from == begin);
      multiply_values(w, n, from == begin);
    }
    finish(w);
  }

  std::int64_t group(const Work& w) const { return w.head / (heads_ / groups_); }
  const float* start(const Work& w, std::size_t operand, std::int64_t from) const {
    const auto& strides = in_[operand].strides;
    return static_cast<const float*>(w.a.inputs[operand]) + w.batch * strides[0] +
           group(w) * strides[1] + from * strides[2];
  }

  // Packs keys and values from `from` on, unless they are.
  void take_keys(Work& w, std::int64_t from) const {
    const std::int64_t n = std::min(at_once_, w.open - from), g = w.batch * groups_ + group(w);
    w.v = values_lie_ ? start(w, kV, from) : w.values;
    w.v_step = values_lie_ ? in_[kV].strides[2] : panel_width_;
    if (w.packed_group == g && w.packed_from == from) return;
    w.packed_group = g;
    w.packed_from = from;
    if (!few_) pack_keys(start(w, kK, from), n, w.keys);
    if (!values_lie_) pack_values(start(w, kV, from), n, w.values);
  }

  // Panels [depth][64] of keys; zeros beyond n up to a multiple of 16.
  void pack_keys(const float* k, std::int64_t n, float* to) const {
    const std::int64_t key = in_[kK].strides[2], one = in_[kK].strides[3];
    for (std::int64_t j = 0; j < n; j += kPanelUnit) {
      float* panel = to + j / kPanelColumns * kPanelColumns * depth_ + j % kPanelColumns;
      const float* from = k + j * key;
      const std::int64_t count = std::min<std::int64_t>(n - j, kPanelUnit);
      if (one == 1) {
        panel_.pack_columns(from, key, depth_, static_cast<int>(count), panel, kPanelColumns);
        continue;
      }
      for (std::int64_t i = 0; i < depth_; ++i, panel += kPanelColumns) {
        for (std::int64_t c = 0; c < count; ++c) panel[c] = from[c * key + i * one];
        std::fill(panel + count, panel + kPanelUnit, 0.0F);
      }
    }
  }

  // Rows [n][width], zeros up to a multiple of 16.
  void pack_values(const float* v, std::int64_t n, float* to) const {
    const std::int64_t value = in_[kV].strides[2], one = in_[kV].strides[3];
    for (std::int64_t j = 0; j < n; ++j, v += value, to += panel_width_) {
      if (one == 1)
        std::copy_n(v, width_, to);
      else
        for (std::int64_t e = 0; e < width_; ++e) to[e] = v[e * one];
      std::fill(to + width_, to + panel_width_, 0.0F);
    }
  }

  void multiply_keys(Work& w, std::int64_t from, std::int64_t n) const {
    const auto& strides = in_[kQ].strides;
    const float* q = static_cast<const float*>(w.a.inputs[kQ]) + w.batch * strides[0] +
                     w.head * strides[1] + w.first * strides[2];
    for (std::int64_t i = 0; i < w.count; ++i, q += strides[2]) {
      w.rows[i] = q;
      w.out[i] = w.scores + i * at_once_;
      if (strides[3] == 1) continue;
      float* copy = w.queries + i * depth_;
      for (std::int64_t k = 0; k < depth_; ++k) copy[k] = q[k * strides[3]];
      w.rows[i] = copy;
    }
    if (few_) {
      for (std::int64_t i = 0; i < w.count; ++i) {
        table_.dots(w.rows[i], start(w, kK, from), in_[kK].strides[2], depth_, n, w.out[i]);
        std::fill(w.out[i] + n, w.out[i] + round_up(n), 0.0F);
      }
      return;
    }
    for (std::int64_t j = 0; j < n; j += kPanelColumns) {
      const std::int64_t columns = std::min<std::int64_t>(round_up(n - j), kPanelColumns);
      panel_.multiply({w.rows, w.out, w.count, depth_, w.keys + j * depth_, kPanelColumns,
                       static_cast<int>(columns), false, nullptr});
      for (std::int64_t i = 0; i < w.count; ++i) w.out[i] += kPanelColumns;
    }
  }

  // The mask's numbers of query i for keys [from, from + n).
  void fill_bias(const Work& w, std::int64_t i, std::int64_t from, std::int64_t n) const {
    const std::int64_t at = w.batch * mask_[0] + w.head * mask_[1] + i * mask_[2] + from * mask_[3];
    if (in_[kMask].dtype == DType::boolean) {
      const bool* m = static_cast<const bool*>(w.a.inputs[kMask]) + at;
      for (std::int64_t j = 0; j < n; ++j) w.bias[j] = m[j * mask_[3]] ? 0 : kClosed;
    } else {
      const float* m = static_cast<const float*>(w.a.inputs[kMask]) + at;
      if (mask_[3] == 1)
        std::copy_n(m, n, w.bias);
      else
        for (std::int64_t j = 0; j < n; ++j) w.bias[j] = m[j * mask_[3]];
    }
    std::fill(w.bias + n, w.bias + round_up(n), 0.0F);
  }

  // Turns the products of keys [from, from + n) into weights.
  void weigh(Work& w, std::int64_t from, std::int64_t n, bool first) const {
    for (std::int64_t i = 0; i < w.count; ++i) {
      const Range open = open_keys(w, w.first + i);
      if (masked() && (i == 0 || mask_[2] != 0)) fill_bias(w, w.first + i, from, n);
      const float factor =
          table_.weigh({w.scores + i * at_once_, std::clamp<std::int64_t>(open.begin - from, 0, n),
                        std::clamp<std::int64_t>(open.end - from, 0, n), n,
                        masked() ? w.bias : nullptr, s_.scale, s_.softcap, w.top + i, w.total + i});
      if (!first && factor != 1) table_.multiply(w.sums + i * panel_width_, factor, panel_width_);
    }
  }

  // Adds the weighted values.
  void multiply_values(Work& w, std::int64_t n, bool first) const {
    for (std::int64_t i = 0; i < w.count; ++i) {
      w.rows[i] = w.scores + i * at_once_;
      w.out[i] = w.sums + i * panel_width_;
    }
    for (std::int64_t e = 0; e < panel_width_; e += kPanelColumns) {
      const std::int64_t columns = std::min<std::int64_t>(panel_width_ - e, kPanelColumns);
      panel_.multiply({w.rows, w.out, w.count, n, w.v + e, w.v_step, static_cast<int>(columns),
                       !first, nullptr});
      for (std::int64_t i = 0; i < w.count; ++i) w.out[i] += kPanelColumns;
    }
  }

  void finish(const Work& w) const {
    const auto& strides = y_.strides;
    float* y = static_cast<float*>(w.a.outputs[0]) + w.batch * strides[0] + w.head * strides[1] +
               w.first * strides[2];
    for (std::int64_t i = 0; i < w.count; ++i, y += strides[2]) {
      float* sums = w.sums + i * panel_width_;
      const bool empty = w.top[i] == kClosed;
      if (empty)
        std::fill_n(sums, width_,
                    s_.empty_row == EmptyRow::zero ? 0 : std::numeric_limits<float>::quiet_NaN());
      const float total = empty ? 1 : w.total[i];
      if (strides[3] == 1) {
        table_.divide(sums, total, y, width_);
        continue;
      }
      table_.divide(sums, total, sums, width_);
      for (std::int64_t e = 0; e < width_; ++e) y[e * strides[3]] = sums[e];
    }
  }

  AttentionStep s_;
  const PanelTable& panel_;
  const AttentionTable& table_;
  std::array<View, kOperands> in_;
  View y_;
  std::int64_t batch_ = 0, heads_ = 0, groups_ = 0, queries_ = 0, keys_ = 0, depth_ = 0, width_ = 0;
  std::int64_t panel_width_ = 0;           // width up to a multiple of 16
  std::int64_t at_once_ = 0;               // keys of a block
  std::int64_t blocks_ = 1, rows_ = 0;     // blocks of queries, and the largest's queries
  bool few_ = false, values_lie_ = false;  // no packing of keys, of values
  std::array<std::int64_t, 4> mask_{};     // strides over b, h, s, t
  std::int64_t mask_length_ = 0;
  Room room_{};
};

Status check(const Shapes& shapes) {
  if (shapes.inputs.size() < 3 || shapes.inputs.size() > kOperands || shapes.outputs.size() != 1)
    return internal_error("attention: a wrong number of operands or results");
  const View &q = shapes.inputs[kQ], &k = shapes.inputs[kK], &v = shapes.inputs[kV];
  const View& y = shapes.outputs[0];
  for (const View* t : {&q, &k, &v, &y}) {
    if (t->rank != 4) return internal_error("attention: an operand has not four axes");
    if (t->dtype != DType::f32)
      return unsupported("attention: no kernel for " + std::string(dtype_name(t->dtype)));
  }
  const auto &n = q.extents, &m = v.extents;
  const bool heads_fit = m[1] > 0 ? n[1] % m[1] == 0 : n[1] == 0;
  if (k.extents[0] != n[0] || m[0] != n[0] || k.extents[1] != m[1] || k.extents[2] != m[2] ||
      k.extents[3] != n[3] || !heads_fit || y.extents[0] != n[0] || y.extents[1] != n[1] ||
      y.extents[2] != n[2] || y.extents[3] != m[3])
    return internal_error("attention: queries, keys and values do not fit");
  if (shapes.inputs.size() > kMask && shapes.inputs[kMask].rank >= 0) {
    const View& mask = shapes.inputs[kMask];
    if (mask.dtype != DType::f32 && mask.dtype != DType::boolean)
      return unsupported("attention: no kernel for a mask of " +
                         std::string(dtype_name(mask.dtype)));
    const std::int64_t full[] = {n[0], n[1], n[2]};
    bool fits = mask.rank >= 1 && mask.rank <= 4 &&
                mask.extents[static_cast<std::size_t>(mask.rank) - 1] <= m[2];
    for (int d = mask.rank - 2, to = 2; fits && d >= 0; --d, --to) {
      const std::int64_t extent = mask.extents[static_cast<std::size_t>(d)];
      fits = extent == 1 || extent == full[to];
    }
    if (!fits) return internal_error("attention: the mask does not fit");
  }
  for (std::size_t i = kKeys; i < shapes.inputs.size(); ++i) {
    const View& t = shapes.inputs[i];
    if (t.rank < 0) continue;
    const bool whole = t.dtype == DType::i32 || t.dtype == DType::i64;
    if (!whole || t.rank > 1 || (t.rank == 1 && t.extents[0] != 1 && t.extents[0] != n[0]))
      return internal_error("attention: kv_len or offset does not fit");
  }
  return {};
}

}  // namespace

Result<PreparedPtr> prepare(const AttentionStep& step, const Shapes& shapes) {
  TRY(check(shapes));
  return PreparedPtr(std::make_unique<Heads>(step, shapes));
}

}  // namespace gossamer::kernels
