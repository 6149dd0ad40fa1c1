// What an ONNX file says, decoded and checked but not yet understood: the messages of onnx.proto as
// plain structs. Tensors borrow the file's bytes where they can. Names and terms are ONNX's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/tensor.h"

namespace gossamer::onnx {

struct Graph;

// Limits on what a file may make us do; every one is checked before anything is allocated by the
// file's word.
struct Limits {
  std::size_t max_nodes = 250'000;     // over all graphs and functions of a file
  std::size_t max_depth = 64;          // of nested graphs, types and attributes
  std::size_t max_values = 1'000'000;  // names of inputs and outputs over all nodes
  std::int64_t max_tensor_bytes = std::int64_t{1} << 40;
};

// One dimension of a type: a known extent, a symbol, or (neither) unknown.
struct Dimension {
  std::optional<std::int64_t> value;
  std::string param;
};

struct Type {
  enum class Kind : std::uint8_t { tensor, sparse_tensor, sequence, optional, map, opaque, none };
  Kind kind = Kind::none;
  DType dtype = DType::f32;
  std::optional<std::vector<Dimension>> shape;  // nothing: unknown rank
  std::shared_ptr<const Type> element;          // sequence, optional
};

struct ValueInfo {
  std::string name;
  Type type;
};

// A sparse tensor: `values` has shape [nnz]; `indices` is i64 [nnz] (linear, row-major) or [nnz,
// rank], ascending and unique, all inside `dims` (checked by the reader).
struct SparseTensor {
  std::string name;
  Tensor values;
  Tensor indices;
  Shape dims;
};

struct Attribute {
  enum class Kind : std::uint8_t {
    undefined,
    f,
    i,
    s,
    t,
    g,
    floats,
    ints,
    strings,
    tensors,
    graphs,
    sparse_tensor,
    sparse_tensors,
    type,
    types
  };
  std::string name;
  Kind kind = Kind::undefined;
  std::string
      ref_attr_name;  // inside a function: takes the value of the function's attribute of that name
  float f = 0;
  std::int64_t i = 0;
  std::string s;
  std::vector<float> floats;
  std::vector<std::int64_t> ints;
  std::vector<std::string> strings;
  std::vector<Tensor> tensors;                       // one for Kind::t
  std::vector<std::shared_ptr<const Graph>> graphs;  // one for Kind::g
  std::vector<SparseTensor> sparse_tensors;          // one for Kind::sparse_tensor
  std::vector<Type> types;                           // one for Kind::type
};

struct Node {
  std::string name, op_type, domain, overload;
  std::vector<std::string> inputs, outputs;  // "" is an optional one left out
  std::vector<Attribute> attributes;
  std::vector<std::pair<std::string, std::string>> metadata;
};

struct Initializer {
  std::string name;
  Tensor tensor;
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Initializer> initializers;
  std::vector<SparseTensor> sparse_initializers;
  std::vector<ValueInfo> inputs, outputs, value_infos;
};

struct Function {
  std::string domain, name, overload;
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> attributes;        // without default
  std::vector<Attribute> attribute_defaults;  // with one
  std::vector<Node> nodes;
  std::map<std::string, std::int64_t> opsets;
};

struct Model {
  std::int64_t ir_version = 0;
  std::string producer_name, producer_version, domain, doc;
  std::int64_t model_version = 0;
  std::map<std::string, std::int64_t> opsets;  // by domain; "ai.onnx" is spelled ""
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<Function> functions;
  Graph graph;
  std::size_t file_bytes = 0;
  std::vector<std::filesystem::path> external_files;  // that tensors lie in
};

// Reads a .onnx file. The Model's tensors keep the mapping alive. External data is opened strictly
// beneath the file's folder. Fails with malformed (broken bytes, missing or escaping external
// data), limit, unsupported (IR version, opset) or io.
Result<Model> read_model(const std::filesystem::path& path, const Limits& limits = {});

// The same from memory; `owner` keeps `bytes` alive; without a folder external data is refused.
Result<Model> parse_model(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const std::optional<std::filesystem::path>& folder,
                          const Limits& limits = {});

// A TensorProto, SequenceProto or OptionalProto in a file of its own, as stored test data uses
// them. The expected kind comes from the model's type.
Result<Value> read_value(const std::filesystem::path& path, const Type& type,
                         const Limits& limits = {});

// The same from memory; `owner` keeps `bytes` alive.
Result<Value> parse_value(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const Type& type, const Limits& limits = {});

}  // namespace gossamer::onnx
