// Runs a VectorProgram over a block: cut into tiles that stay in the innermost cache, instruction
// by instruction over each. Operands that lie in memory as lanes do are read where they are,
// results written where they belong.
#include "kernels/pointwise/block.h"

#include <algorithm>
#include <cstring>

#include "kernels/level.h"
#include "kernels/pointwise/elements.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(TileTable, tile_table)

namespace {

// Tiles of registers begin a line apart from a power of two, so that they do not alias in the
// cache.
constexpr std::size_t kTileBytes = 2048, kTileStep = kTileBytes + 64;
constexpr std::size_t kSplatBytes = kGroup * 8;  // one value repeated over a group

std::ptrdiff_t tile_lanes(const VectorProgram& p) {
  return static_cast<std::ptrdiff_t>(kTileBytes / (p.wide ? 8 : 4));
}

bool is_wide(VectorType t) { return t == VectorType::f64 || t == VectorType::i64; }

// A part of the block that fits a tile.
struct Tile {
  std::int64_t row = 0, rows = 0, column = 0, columns = 0;
  std::ptrdiff_t lanes() const { return rows * columns; }
  std::ptrdiff_t groups() const { return (lanes() + kGroup - 1) / kGroup; }
};

// Where an operand of an instruction stands for the tile at hand.
struct Place {
  const void* data;
  std::ptrdiff_t step;
};

class Runner {
 public:
  Runner(const VectorProgram& p, const TileTable& table, const BlockInput* inputs,
         const BlockOutput* outputs, std::byte* scratch)
      : p_(p), table_(table), inputs_(inputs), outputs_(outputs) {
    for (std::size_t i = 0; i < p.inputs.size(); ++i) {
      fixed_[i] = false;
      columns_[i] = {0, 0};
    }
    splats_ = scratch;
    constants_ = splats_ + p.inputs.size() * kSplatBytes;
    loaded_ = constants_ + (p.constants.size() * kSplatBytes + 63) / 64 * 64;
    registers_ = loaded_ + p.inputs.size() * kTileStep;
    for (std::size_t i = 0; i < p.constants.size(); ++i) splat_constant(i);
  }

  void run(std::int64_t rows, std::int64_t columns) {
    for (std::size_t i = 0; i < p_.inputs.size(); ++i)
      if ((inputs_[i].row == 0 || rows == 1) && (inputs_[i].column == 0 || columns == 1))
        splat_input(i);
    const std::ptrdiff_t lanes = tile_lanes(p_);
    // Few columns: several rows a tile, brought together. Many: rows are run where they lie.
    const bool together =
        rows > 1 && columns < lanes && (columns % kGroup != 0 || columns < lanes / 4);
    if (together) {
      const std::int64_t fit = std::max<std::int64_t>(lanes / columns, 1);
      for (std::int64_t r = 0; r < rows; r += fit) tile({r, std::min(fit, rows - r), 0, columns});
      return;
    }
    for (std::int64_t c = 0; c < columns; c += lanes) {
      const std::int64_t n = std::min<std::int64_t>(lanes, columns - c);
      const std::int64_t whole = n / kGroup * kGroup;
      for (std::int64_t r = 0; r < rows; ++r) {
        if (whole > 0) tile({r, 1, c, whole});
        if (whole < n) tile({r, 1, c + whole, n - whole});
      }
    }
  }

 private:
  // One value over a whole group, of lanes that are `bytes` long.
  static void splat(std::byte* to, const void* lane, std::size_t bytes) {
    for (std::size_t i = 0; i < kGroup; ++i) std::memcpy(to + i * bytes, lane, bytes);
  }

  void splat_constant(std::size_t i) {
    const VectorConstant& c = p_.constants[i];
    const std::uint64_t bits =
        c.type == VectorType::boolean && c.bits != 0 ? ~std::uint64_t{0} : c.bits;
    splat(constants_ + i * kSplatBytes, &bits, is_wide(c.type) ? 8 : 4);
  }

  void splat_input(std::size_t i) {
    const auto element = static_cast<std::size_t>(element_of(p_.inputs[i]));
    table_.load[element](inputs_[i].data, splats_ + i * kSplatBytes, kGroup, 0);
    places_[i] = {splats_ + i * kSplatBytes, 0};
    fixed_[i] = true;
  }

  void place_input(std::size_t i, const Tile& t) {
    if (fixed_[i]) return;
    const BlockInput& in = inputs_[i];
    const DType dtype = p_.inputs[i];
    const auto size = static_cast<std::int64_t>(dtype_size(dtype));
    const auto* from =
        static_cast<const std::byte*>(in.data) + (t.row * in.row + t.column * in.column) * size;
    if (t.rows == 1 && in.column == 1 && t.columns % kGroup == 0 && lies_in_lanes(dtype)) {
      places_[i] = {from, kGroup};
      return;
    }
    const auto load = table_.load[static_cast<std::size_t>(element_of(dtype))];
    if (t.rows == 1 && in.column == 0) {
      load(from, splats_ + i * kSplatBytes, kGroup, 0);
      places_[i] = {splats_ + i * kSplatBytes, 0};
      return;
    }
    std::byte* to = loaded_ + i * kTileStep;
    places_[i] = {to, kGroup};
    // The same for every row: what an earlier tile brought still stands.
    const std::int64_t rows = in.row == 0 && t.rows == 1 && same_columns(i, t) ? 0 : t.rows;
    if (in.row == 0 && t.rows > 1 && t.row > 0) return;
    const std::int64_t lane = is_wide(*lane_type(dtype)) ? 8 : 4;
    for (std::int64_t r = 0; r < rows; ++r)
      load(from + r * in.row * size, to + r * t.columns * lane, t.columns, in.column);
    columns_[i] = {t.column, t.columns};
  }
  bool same_columns(std::size_t i, const Tile& t) const {
    return columns_[i].begin == t.column && columns_[i].count == t.columns;
  }

  Place place(VectorOperand v) const {
    switch (v.kind) {
      case VectorOperand::Kind::input:
        return places_[v.index];
      case VectorOperand::Kind::constant:
        return {constants_ + v.index * kSplatBytes, 0};
      default:
        return {registers_ + v.index * kTileStep, kGroup};
    }
  }

  std::byte* output(std::size_t o, std::int64_t row, std::int64_t column) const {
    const auto size = static_cast<std::int64_t>(dtype_size(p_.outputs[o]));
    const BlockOutput& out = outputs_[o];
    return static_cast<std::byte*>(out.data) + (row * out.row + column * out.column) * size;
  }

  bool in_place(std::size_t o, const Tile& t) const {
    return t.rows == 1 && outputs_[o].column == 1 && t.columns % kGroup == 0;
  }

  void tile(const Tile& t) {
    for (std::size_t i = 0; i < p_.inputs.size(); ++i) place_input(i, t);
    TileCall call;
    call.groups = t.groups();
    std::uint64_t written = 0;  // outputs
    for (std::size_t i = 0; i < p_.instructions.size(); ++i) {
      const VectorInstruction& in = p_.instructions[i];
      for (std::size_t k = 0; k < static_cast<std::size_t>(vector_op_operands(in.op)); ++k) {
        const Place a = place(in.args[k]);
        call.args[k] = a.data;
        call.steps[k] = a.step;
      }
      call.y = registers_ + in.result * kTileStep;
      if (const int o = p_.direct[i]; o >= 0 && in_place(static_cast<std::size_t>(o), t)) {
        call.y = output(static_cast<std::size_t>(o), t.row, t.column);
        written |= std::uint64_t{1} << o;
      }
      const auto type = static_cast<std::size_t>(in.type);
      if (in.op == VectorOp::cast) {
        table_.cast[type][static_cast<std::size_t>(in.to)](call);
        continue;
      }
      if (in.op == VectorOp::narrow || in.op == VectorOp::quantize)
        call.element = element_of(in.dtype);
      table_.run[static_cast<std::size_t>(in.op)][type](call);
    }
    for (std::size_t o = 0; o < p_.outputs.size(); ++o)
      if ((written >> o & 1) == 0) store(o, t);
  }

  void store(std::size_t o, const Tile& t) const {
    const Place from = place(p_.results[o]);
    const auto store = table_.store[static_cast<std::size_t>(element_of(p_.outputs[o]))];
    const std::int64_t lane = is_wide(*lane_type(p_.outputs[o])) ? 8 : 4;
    const auto* data = static_cast<const std::byte*>(from.data);
    for (std::int64_t r = 0; r < t.rows; ++r) {
      if (from.step != 0) {
        store(data + r * t.columns * lane, output(o, t.row + r, t.column), t.columns,
              outputs_[o].column);
        continue;
      }
      for (std::int64_t c = 0; c < t.columns; c += kGroup)
        store(data, output(o, t.row + r, t.column + c),
              std::min<std::int64_t>(kGroup, t.columns - c), outputs_[o].column);
    }
  }

  const VectorProgram& p_;
  const TileTable& table_;
  const BlockInput* inputs_;
  const BlockOutput* outputs_;
  // By input; as many as the program has are set.
  Place places_[kMaxVectorInputs];
  bool fixed_[kMaxVectorInputs];
  struct Columns {
    std::int64_t begin, count;
  } columns_[kMaxVectorInputs];  // last brought
  std::byte *splats_, *constants_, *loaded_, *registers_;
};

// Whether rows follow each other as columns do.
template <class T>
bool continues(const T& v, std::int64_t columns) {
  return v.row == v.column * columns;
}

}  // namespace

std::size_t block_scratch(const VectorProgram& p) {
  return (p.inputs.size() + p.constants.size()) * kSplatBytes + 64 +
         (p.inputs.size() + static_cast<std::size_t>(p.registers)) * kTileStep;
}

void run_block(const VectorProgram& p, Level level, std::int64_t rows, std::int64_t columns,
               const BlockInput* inputs, const BlockOutput* outputs, std::byte* scratch) {
  if (p.empty() || rows <= 0 || columns <= 0) return;
  Runner runner(p, tile_table(level), inputs, outputs, scratch);
  const bool dense = std::all_of(inputs, inputs + p.inputs.size(),
                                 [=](const BlockInput& v) { return continues(v, columns); }) &&
                     std::all_of(outputs, outputs + p.outputs.size(),
                                 [=](const BlockOutput& v) { return continues(v, columns); });
  if (dense)
    runner.run(1, rows * columns);
  else
    runner.run(rows, columns);
}

}  // namespace gossamer::kernels
