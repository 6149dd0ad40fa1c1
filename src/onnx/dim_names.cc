// Symbols for names: the name itself where it can be one.
#include "onnx/dim_names.h"

#include <algorithm>
#include <cctype>

namespace gossamer::onnx {

bool is_made_up(const std::string& symbol) {
  return symbol.size() > 1 && symbol[0] == 'u' &&
         std::all_of(symbol.begin() + 1, symbol.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

bool names_nothing(const std::string& name) {
  return std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c < 0x80 && std::isalnum(c) == 0; });
}

DimNames::DimNames(const Model& model) {
  for (const ValueInfo& input : model.graph.inputs) add(input.type);
}

void DimNames::add(const Type& type) {
  for (const Type* t = &type; t != nullptr; t = t->element.get()) {
    if (!t->shape) continue;
    for (const Dimension& d : *t->shape)
      if (!d.value && !d.param.empty()) add(d.param);
  }
}

void DimNames::add(const std::string& name) {
  if (symbols_.contains(name)) return;
  std::string symbol = Dim::symbol(name).to_string();
  for (int k = 2; originals_.contains(symbol) || is_made_up(symbol); ++k)
    symbol = Dim::symbol(Dim::symbol(name).to_string() + "_" + std::to_string(k)).to_string();
  symbols_.emplace(name, symbol);
  originals_.emplace(std::move(symbol), name);
}

Dim DimNames::symbol(const std::string& name) const {
  const auto it = symbols_.find(name);
  return Dim::symbol(it == symbols_.end() ? name : it->second);
}

std::string DimNames::original(const std::string& symbol) const {
  const auto it = originals_.find(symbol);
  return it == originals_.end() ? symbol : it->second;
}

}  // namespace gossamer::onnx
