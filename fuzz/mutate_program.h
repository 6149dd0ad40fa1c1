// Changing one field of a program after the other, as a forger would: operands, attributes, types,
// extents, lifetimes. Bytes say which; a program changed by the same bytes is the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/program.h"

namespace gossamer::fuzz {

// Takes choices from bytes, zeros at their end.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool left() const { return at_ < bytes_.size(); }
  std::uint8_t byte() { return left() ? bytes_[at_++] : std::uint8_t{0}; }
  // A number below `count`, which is not 0.
  std::size_t below(std::size_t count) {
    std::size_t n = byte();
    if (count > 256) n = n << 8 | byte();
    return n % count;
  }
  std::int64_t number() {
    static constexpr std::int64_t kNumbers[] = {0,
                                                1,
                                                -1,
                                                2,
                                                3,
                                                7,
                                                64,
                                                65535,
                                                2147483647,
                                                -2147483648LL,
                                                (std::int64_t{1} << 40),
                                                INT64_MAX,
                                                INT64_MIN,
                                                -2,
                                                4,
                                                5};
    return kNumbers[below(std::size(kNumbers))];
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

class Mutator {
 public:
  Mutator(runtime::Program& program, Choices& choices) : p_(program), c_(choices) {}

  void change() {
    if (!p_.regions.empty() && c_.below(4) == 0) {
      Mutator(p_.regions[c_.below(p_.regions.size())], c_).change();
      return;
    }
    switch (c_.below(8)) {
      case 0:
      case 1:
        return change_operands();
      case 2:
      case 3:
        return change_attributes();
      case 4:
        return change_operation();
      case 5:
        return change_slot();
      case 6:
        return change_memory();
      default:
        return change_shapes();
    }
  }

 private:
  runtime::Step* step() {
    return p_.steps.empty() ? nullptr : &p_.steps[c_.below(p_.steps.size())];
  }
  runtime::SlotId any_slot() {
    return static_cast<runtime::SlotId>(c_.below(p_.slots.size() + 1)) - 1;
  }
  runtime::Register any_register() {
    return static_cast<runtime::Register>(
        c_.below(std::max<std::size_t>(p_.shape_program.size(), 1)));
  }

  void change_operands() {
    runtime::Step* s = step();
    if (!s) return;
    std::vector<runtime::SlotId>& list = c_.below(3) == 0 ? s->outputs : s->inputs;
    const std::size_t how = c_.below(4);
    if (how == 0 || list.empty())
      list.insert(list.begin() + static_cast<std::ptrdiff_t>(c_.below(list.size() + 1)),
                  any_slot());
    else if (how == 1)
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(c_.below(list.size())));
    else if (how == 2)
      std::swap(list[c_.below(list.size())], list[c_.below(list.size())]);
    else
      list[c_.below(list.size())] = any_slot();
  }

  void change_value(AttributeValue& v) {
    if (auto* list = std::get_if<AttributeValue::List>(&v.value)) {
      const std::size_t how = c_.below(4);
      if (list->empty() || how == 0) {
        list->push_back(list->empty() ? AttributeValue{c_.number()} : list->front());
      } else if (how == 1) {
        list->pop_back();
      } else {
        change_value((*list)[c_.below(list->size())]);
      }
    } else if (std::holds_alternative<Word>(v.value)) {
      static constexpr const char* kWords[] = {"true", "false", "f32",   "f64",    "i64",    "i32",
                                               "bool", "f16",   "u8",    "string", "sum",    "max",
                                               "nd",   "take",  "along", "linear", "nearest"};
      v.value = Word{kWords[c_.below(std::size(kWords))]};
    } else if (std::holds_alternative<Tensor>(v.value)) {
      v.value = c_.below(2) == 0 ? Tensor::vector<std::int64_t>({1, 2, 3}) : Tensor::scalar(1.0F);
    } else if (auto* text = std::get_if<Block>(&v.value)) {
      change_text(text->text);
    } else if (auto* string = std::get_if<std::string>(&v.value)) {
      change_text(*string);
    } else if (std::holds_alternative<double>(v.value)) {
      v.value = static_cast<double>(c_.number());
    } else {
      v.value = c_.number();
    }
  }

  // Digits and letters only, so that grammars still hold now and then.
  void change_text(std::string& text) {
    if (text.empty()) return;
    char& ch = text[c_.below(text.size())];
    if (ch >= '0' && ch <= '9')
      ch = static_cast<char>('0' + c_.below(10));
    else if (ch >= 'a' && ch <= 'z')
      ch = static_cast<char>('a' + c_.below(26));
  }

  void change_attributes() {
    runtime::Step* s = step();
    if (!s) return;
    std::vector<NamedAttribute> list = s->operation->describe(s->attributes.get());
    if (list.empty() || c_.below(3) == 0) {
      // One that has its default: by a name that some operation knows.
      static constexpr const char* kNames[] = {
          "axis",   "axes",   "batch",  "mode",     "op",           "keep",
          "groups", "group",  "acc",    "wide",     "strides",      "pads",
          "kernel", "height", "width",  "sampling", "carried",      "reversed",
          "start",  "end",    "limit",  "trans_a",  "dtype",        "left",
          "right",  "sorted", "length", "extents",  "column_major", "stacked_axes"};
      const std::string name = kNames[c_.below(std::size(kNames))];
      AttributeValue value{c_.number()};
      if (c_.below(2) == 0) value.value = AttributeValue::List{{c_.number()}, {c_.number()}};
      if (c_.below(4) == 0) change_value(value);
      list.push_back({name, std::move(value)});
    } else if (c_.below(4) == 0) {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(c_.below(list.size())));
    } else {
      change_value(list[c_.below(list.size())].value);
    }
    Result<AttributePtr> built = s->operation->build(list);
    if (built.ok()) s->attributes = std::move(built).value();
  }

  // Another step's work on this one's operands.
  void change_operation() {
    runtime::Step *s = step(), *other = step();
    if (!s) return;
    if (c_.below(3) == 0 && !p_.regions.empty()) {
      s->regions.push_back(static_cast<std::int32_t>(c_.below(p_.regions.size())));
      return;
    }
    s->operation = other->operation;
    s->attributes = other->attributes;
    if (c_.below(2) == 0) s->regions = other->regions;
  }

  void change_slot() {
    if (p_.slots.empty()) return;
    runtime::Slot& s = p_.slots[c_.below(p_.slots.size())];
    switch (c_.below(6)) {
      case 0:
        s.dtype = static_cast<DType>(c_.below(static_cast<std::size_t>(DType::string) + 1));
        break;
      case 1:
        if (!s.extents.empty()) s.extents[c_.below(s.extents.size())] = any_register();
        break;
      case 2:
        s.extents.push_back(any_register());
        s.strides.push_back(any_register());
        break;
      case 3:
        if (!s.extents.empty()) s.extents.pop_back();
        if (!s.strides.empty()) s.strides.pop_back();
        break;
      case 4:
        s.buffer = static_cast<runtime::BufferId>(c_.below(p_.buffers.size()));
        break;
      default:
        if (!s.strides.empty()) s.strides[c_.below(s.strides.size())] = any_register();
    }
  }

  void change_memory() {
    if (p_.buffers.empty()) return;
    runtime::Buffer& b = p_.buffers[c_.below(p_.buffers.size())];
    switch (c_.below(5)) {
      case 0:
        b.kind = static_cast<runtime::BufferKind>(c_.below(5));
        break;
      case 1:
        b.bytes = any_register();
        break;
      case 2:
        b.first = 0;
        break;
      case 3:
        b.last = static_cast<std::int32_t>(p_.steps.size());
        break;
      default:
        if (p_.plan) p_.plan->offsets[c_.below(p_.plan->offsets.size())] = 64 * (c_.byte() % 8);
    }
  }

  void change_shapes() {
    if (p_.shape_program.empty()) return;
    runtime::ShapeInstruction& i = p_.shape_program[c_.below(p_.shape_program.size())];
    if (i.op == runtime::ShapeOp::constant && c_.below(4) != 0) {
      i.value = c_.below(2) == 0 ? c_.number() : next_to(i.value);
      return;
    }
    i.op = static_cast<runtime::ShapeOp>(c_.below(9));
    i.a = static_cast<std::int32_t>(c_.below(8));
    i.b = static_cast<std::int32_t>(c_.below(4));
  }

  // One more or one less, past either end of the range too.
  std::int64_t next_to(std::int64_t v) {
    const std::uint64_t step = c_.below(2) == 0 ? 1 : ~std::uint64_t{0};
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(v) + step);
  }

  runtime::Program& p_;
  Choices& c_;
};

}  // namespace gossamer::fuzz
