// Symbols of a graph for the names that a file gives to open extents (dim_param), and back.
#pragma once

#include <map>
#include <string>

#include "graph/dim.h"
#include "onnx/model.h"

namespace gossamer::onnx {

// Whether a symbol is one that lowering makes for extents without a name: u0, u1 ..
bool is_made_up(const std::string& symbol);

// Whether a name, of signs alone ("?"), says only that the extent is open: it may stand for
// several.
bool names_nothing(const std::string& name);

class DimNames {
 public:
  // Over the names that the model's inputs have.
  explicit DimNames(const Model& model);
  // Different names stand for different symbols, also where a symbol cannot have all characters.
  Dim symbol(const std::string& name) const;
  // What the file calls a symbol; the symbol itself when it is none of the file's.
  std::string original(const std::string& symbol) const;

 private:
  void add(const Type& type);
  void add(const std::string& name);

  std::map<std::string, std::string> symbols_, originals_;
};

}  // namespace gossamer::onnx
