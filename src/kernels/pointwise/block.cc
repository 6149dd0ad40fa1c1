// Runs a VectorProgram over a block: cut into tiles that stay in the innermost cache, instruction
// by instruction over each. Operands that lie in memory as lanes do are read where they are,
// results written where they belong.
#include "kernels/pointwise/block.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <type_traits>

#include "kernels/level.h"
#include "kernels/pointwise/elements.h"

namespace gossamer::kernels {

DECLARE_LEVEL_TABLES(TileTable, tile_table)

namespace {

// Tiles of registers begin a line apart from a power of two, so that they do not alias in the
// cache.
constexpr std::size_t kTileBytes = 2048, kTileStep = kTileBytes + 64;
constexpr std::size_t kSplatBytes = kGroup * 8;  // one value repeated over a group
constexpr std::size_t kMaxPlanned = 16;          // instructions of a plan

std::int64_t tile_lanes(const VectorProgram& p) {
  return static_cast<std::int64_t>(kTileBytes / (p.wide ? 8 : 4));
}

bool is_wide(VectorType t) { return t == VectorType::f64 || t == VectorType::i64; }

// A part of the block that fits a tile.
struct Tile {
  std::int64_t row = 0, rows = 0, column = 0, columns = 0;
  std::ptrdiff_t groups() const { return (rows * columns + kGroup - 1) / kGroup; }
};

// Where an operand of an instruction stands for the tile at hand.
struct Place {
  const void* data;
  std::ptrdiff_t step;
};

class Runner {
 public:
  Runner(const VectorProgram& p, const TileTable& table, std::byte* scratch)
      : p_(p), table_(table), splats_(scratch) {
    constants_ = splats_ + p.inputs.size() * kSplatBytes;
    loaded_ = constants_ + (p.constants.size() * kSplatBytes + 63) / 64 * 64;
    registers_ = loaded_ + p.inputs.size() * kTileStep;
    for (std::size_t i = 0; i < p.constants.size(); ++i) splat_constant(i);
  }

  // `joined` > 1: each of the rows stands for so many of the block that follow each other without a
  // gap, and inputs that are the same for all of those are brought so many times over.
  void run(std::int64_t rows, std::int64_t columns, const BlockInput* inputs,
           const BlockOutput* outputs, std::int64_t joined = 1) {
    inputs_ = inputs;
    outputs_ = outputs;
    for (std::size_t i = 0; i < p_.inputs.size(); ++i) {
      columns_[i] = {0, 0, 0};
      fixed_[i] = (inputs[i].row == 0 || (rows == 1 && joined == 1)) &&
                  (inputs[i].column == 0 || columns == 1);
      if (fixed_[i])
        splat_input(i, inputs[i].data);
      else if (joined > 1 && inputs[i].row == 0)
        repeat_input(i, columns / joined, joined);
    }
    const std::int64_t lanes = tile_lanes(p_);
    // Whole groups of columns run row by row, where they lie; the rest, several rows together.
    const bool few = rows > 1 && columns < lanes / 4 && !planable();
    const std::int64_t whole = few ? 0 : columns / kGroup * kGroup;
    for (std::int64_t c = 0; c < whole; c += lanes) {
      const std::int64_t n = std::min(lanes, whole - c);
      if (planable())
        planned(rows, c, n);
      else
        for (std::int64_t r = 0; r < rows; ++r) tile({r, 1, c, n});
    }
    if (whole == columns) return;
    const std::int64_t fit = lanes / (columns - whole);
    for (std::int64_t r = 0; r < rows; r += fit)
      tile({r, std::min(fit, rows - r), whole, columns - whole});
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
    if (is_wide(c.type))
      splat(constants_ + i * kSplatBytes, &bits, 8);
    else
      splat(constants_ + i * kSplatBytes, &bits, 4);
  }
  void splat_input(std::size_t i, const void* from) {
    const auto element = static_cast<std::size_t>(p_.input_memory[i].element);
    table_.load[element](from, splats_ + i * kSplatBytes, kGroup, 0);
    places_[i] = {splats_ + i * kSplatBytes, 0};
  }

  void repeat_input(std::size_t i, std::int64_t columns, std::int64_t times) {
    const VectorMemory& memory = p_.input_memory[i];
    const auto load = table_.load[static_cast<std::size_t>(memory.element)];
    std::byte* to = loaded_ + i * kTileStep;
    for (std::int64_t r = 0; r < times; ++r)
      load(inputs_[i].data, to + r * columns * memory.lane_bytes, columns, inputs_[i].column);
    places_[i] = {to, kGroup};
    fixed_[i] = true;
  }

  TileTable::Run code(const VectorInstruction& in) const {
    const auto type = static_cast<std::size_t>(in.type);
    return in.op == VectorOp::cast ? table_.cast[type][static_cast<std::size_t>(in.to)]
                                   : table_.run[static_cast<std::size_t>(in.op)][type];
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

  const std::byte* input(std::size_t i, std::int64_t row, std::int64_t column) const {
    const BlockInput& in = inputs_[i];
    return static_cast<const std::byte*>(in.data) +
           (row * in.row + column * in.column) * p_.input_memory[i].bytes;
  }
  std::byte* output(std::size_t o, std::int64_t row, std::int64_t column) const {
    const BlockOutput& out = outputs_[o];
    return static_cast<std::byte*>(out.data) +
           (row * out.row + column * out.column) * p_.output_memory[o].bytes;
  }

  // --- rows of whole groups, read and written in place: pointers that move from row to row ---

  bool planable() const {
    if (p_.instructions.size() > kMaxPlanned) return false;
    for (std::size_t i = 0; i < p_.inputs.size(); ++i)
      if (!fixed_[i] && (inputs_[i].column != 1 || !p_.input_memory[i].as_lanes)) return false;
    std::size_t written = 0;
    for (const std::int8_t o : p_.direct)
      written += o >= 0 && outputs_[static_cast<std::size_t>(o)].column == 1 ? 1 : 0;
    return written == p_.outputs.size();
  }

  void planned(std::int64_t rows, std::int64_t column, std::int64_t n) {
    for (std::size_t i = 0; i < p_.inputs.size(); ++i)
      if (!fixed_[i]) places_[i] = {input(i, 0, column), kGroup};
    struct Step {
      TileCall call;
      TileTable::Run run;
      std::ptrdiff_t moves[4];  // bytes from row to row: the result, the operands
    };
    std::array<Step, kMaxPlanned> steps;
    const std::size_t count = p_.instructions.size();
    for (std::size_t k = 0; k < count; ++k) {
      const VectorInstruction& in = p_.instructions[k];
      Step& s = steps[k];
      prepare_call(in, s.call, n / kGroup);
      s.run = code(in);
      s.moves[0] = 0;
      if (const int o = p_.direct[k]; o >= 0) {
        const auto out = static_cast<std::size_t>(o);
        s.call.y = output(out, 0, column);
        s.moves[0] = outputs_[out].row * p_.output_memory[out].bytes;
      }
      for (std::size_t a = 0; a < 3; ++a) {
        const VectorOperand v = in.args[a];
        const bool moves = a < static_cast<std::size_t>(vector_op_operands(in.op)) &&
                           v.kind == VectorOperand::Kind::input && !fixed_[v.index];
        s.moves[a + 1] = moves ? inputs_[v.index].row * p_.input_memory[v.index].bytes : 0;
      }
    }
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::size_t k = 0; k < count; ++k) {
        Step& s = steps[k];
        s.run(s.call);
        s.call.y = static_cast<std::byte*>(s.call.y) + s.moves[0];
        for (std::size_t a = 0; a < 3; ++a)
          s.call.args[a] = static_cast<const std::byte*>(s.call.args[a]) + s.moves[a + 1];
      }
  }

  void prepare_call(const VectorInstruction& in, TileCall& call, std::ptrdiff_t groups) const {
    const auto count = static_cast<std::size_t>(vector_op_operands(in.op));
    for (std::size_t a = 0; a < 3; ++a) {
      const Place at = a < count ? place(in.args[a]) : Place{nullptr, 0};
      call.args[a] = at.data;
      call.steps[a] = at.step;
    }
    call.y = registers_ + in.result * kTileStep;
    call.groups = groups;
    if (in.op == VectorOp::narrow || in.op == VectorOp::quantize)
      call.element = element_of(in.dtype);
  }

  // --- everything else: a tile is read into lanes and written from them where it must be ---

  void place_input(std::size_t i, const Tile& t) {
    if (fixed_[i]) return;
    const BlockInput& in = inputs_[i];
    const VectorMemory& memory = p_.input_memory[i];
    const std::byte* from = input(i, t.row, t.column);
    if (t.rows == 1 && in.column == 1 && t.columns % kGroup == 0 && memory.as_lanes) {
      places_[i] = {from, kGroup};
      return;
    }
    if (t.rows == 1 && in.column == 0) return splat_input(i, from);
    std::byte* to = loaded_ + i * kTileStep;
    places_[i] = {to, kGroup};
    // The same for every row: what an earlier tile brought still stands.
    const Loaded now{t.column, t.columns, t.rows};
    if (in.row == 0 && columns_[i].holds(now)) return;
    const auto load = table_.load[static_cast<std::size_t>(memory.element)];
    for (std::int64_t r = 0; r < t.rows; ++r)
      load(from + r * in.row * memory.bytes, to + r * t.columns * memory.lane_bytes, t.columns,
           in.column);
    columns_[i] = now;
  }

  void tile(const Tile& t) {
    for (std::size_t i = 0; i < p_.inputs.size(); ++i) place_input(i, t);
    TileCall call;
    std::uint64_t written = 0;  // outputs
    for (std::size_t k = 0; k < p_.instructions.size(); ++k) {
      const VectorInstruction& in = p_.instructions[k];
      prepare_call(in, call, t.groups());
      if (const int o = p_.direct[k]; o >= 0) {
        const auto out = static_cast<std::size_t>(o);
        if (t.rows == 1 && outputs_[out].column == 1 && t.columns % kGroup == 0) {
          call.y = output(out, t.row, t.column);
          written |= std::uint64_t{1} << o;
        }
      }
      code(in)(call);
    }
    for (std::size_t o = 0; o < p_.outputs.size(); ++o)
      if ((written >> o & 1) == 0) store(o, t);
  }

  void store(std::size_t o, const Tile& t) const {
    const Place from = place(p_.results[o]);
    const VectorMemory& memory = p_.output_memory[o];
    const auto store = table_.store[static_cast<std::size_t>(memory.element)];
    const std::int64_t stride = outputs_[o].column;
    const auto* data = static_cast<const std::byte*>(from.data);
    for (std::int64_t r = 0; r < t.rows; ++r) {
      std::byte* to = output(o, t.row + r, t.column);
      if (from.step != 0) {
        store(data + r * t.columns * memory.lane_bytes, to, t.columns, stride);
        continue;
      }
      for (std::int64_t c = 0; c < t.columns; c += kGroup)
        store(data, to + c * stride * memory.bytes, std::min<std::int64_t>(kGroup, t.columns - c),
              stride);
    }
  }

  const VectorProgram& p_;
  const TileTable& table_;
  std::byte *splats_, *constants_, *loaded_, *registers_;
  const BlockInput* inputs_ = nullptr;
  const BlockOutput* outputs_ = nullptr;
  // The columns, and how many rows of them, that stand in loaded_.
  struct Loaded {
    std::int64_t begin, columns, rows;
    bool holds(const Loaded& v) const {
      return begin == v.begin && columns == v.columns && rows >= v.rows;
    }
  };
  // By input; as many as the program has are set.
  Place places_[kMaxVectorInputs];
  bool fixed_[kMaxVectorInputs];
  Loaded columns_[kMaxVectorInputs];
};

// How many rows make one of whole groups that fits a tile; 1 where rows cannot be joined: outputs
// must go on from row to row, inputs too or be the same for every row.
std::int64_t joinable(const VectorProgram& p, std::int64_t rows, std::int64_t columns,
                      const BlockInput* inputs, const BlockOutput* outputs) {
  const std::int64_t unit = kGroup / std::gcd(columns, std::int64_t{kGroup});
  const std::int64_t most = std::min(tile_lanes(p) / columns, rows) / unit * unit;
  if (most < 2) return 1;
  const auto goes_on = [=](const auto& v) { return v.column == 1 && v.row == columns; };
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    if (!goes_on(inputs[i]) && inputs[i].row != 0) return 1;
  return std::all_of(outputs, outputs + p.outputs.size(), goes_on) ? most : 1;
}

// Inputs or outputs from `elements` elements further on.
template <class T>
T moved(T v, std::int64_t elements, const VectorMemory& memory) {
  using Byte = std::conditional_t<std::is_same_v<T, BlockInput>, const std::byte, std::byte>;
  v.data = static_cast<Byte*>(v.data) + elements * memory.bytes;
  return v;
}

}  // namespace

std::size_t block_scratch(const VectorProgram& p) {
  return (p.inputs.size() + p.constants.size()) * kSplatBytes + 64 +
         (p.inputs.size() + static_cast<std::size_t>(p.registers)) * kTileStep;
}

void run_block(const VectorProgram& p, Level level, std::int64_t rows, std::int64_t columns,
               const BlockInput* inputs, const BlockOutput* outputs, std::byte* scratch) {
  if (p.empty() || rows <= 0 || columns <= 0) return;
  Runner runner(p, tile_table(level), scratch);
  const auto continues = [=](const auto& v) { return rows == 1 || v.row == v.column * columns; };
  const bool one_row = std::all_of(inputs, inputs + p.inputs.size(), continues) &&
                       std::all_of(outputs, outputs + p.outputs.size(), continues);
  const std::int64_t joined = one_row ? 1 : joinable(p, rows, columns, inputs, outputs);
  if (!one_row && joined == 1) return runner.run(rows, columns, inputs, outputs);
  // One long row is cut into tiles, many short ones are joined to tiles; then comes what remains.
  const std::int64_t length = one_row ? tile_lanes(p) : joined * columns;
  const std::int64_t full = rows * columns / length, done = full * length;
  std::array<BlockInput, kMaxVectorInputs> in;
  std::array<BlockOutput, kMaxVectorInputs> out;
  std::copy_n(inputs, p.inputs.size(), in.begin());
  std::copy_n(outputs, p.outputs.size(), out.begin());
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    in[i].row = one_row || in[i].row != 0 ? length * in[i].column : 0;
  for (std::size_t o = 0; o < p.outputs.size(); ++o) out[o].row = length * out[o].column;
  if (full > 0) runner.run(full, length, in.data(), out.data(), joined);
  if (done == rows * columns) return;
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    in[i] = moved(inputs[i], one_row || inputs[i].row != 0 ? done * inputs[i].column : 0,
                  p.input_memory[i]);
  for (std::size_t o = 0; o < p.outputs.size(); ++o)
    out[o] = moved(outputs[o], done * outputs[o].column, p.output_memory[o]);
  if (one_row)
    runner.run(1, rows * columns - done, in.data(), out.data());
  else
    runner.run(rows - full * joined, columns, in.data(), out.data());
}

}  // namespace gossamer::kernels
