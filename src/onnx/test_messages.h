// Hand-encoded ONNX messages, for the tests of this room: only what a test names is in them.
#pragma once

#include <protozero/pbf_writer.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/model.h"

namespace gossamer::onnx::test {

// The bytes of a message whose fields build(writer) adds.
template <class Build>
std::string message(Build&& build) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  build(writer);
  return bytes;
}

// A TensorProto with data in the field that add_data(writer) writes.
template <class AddData>
std::string tensor_message(std::string_view name, int code, const std::vector<std::int64_t>& dims,
                           AddData&& add_data) {
  return message([&](protozero::pbf_writer& w) {
    for (const std::int64_t d : dims) w.add_int64(1, d);
    w.add_int32(2, code);
    if (!name.empty()) w.add_string(8, name.data(), name.size());
    add_data(w);
  });
}

inline std::string raw_tensor(std::string_view name, int code,
                              const std::vector<std::int64_t>& dims, std::string_view raw) {
  return tensor_message(name, code, dims,
                        [&](protozero::pbf_writer& w) { w.add_bytes(9, raw.data(), raw.size()); });
}

inline std::string entry(std::string_view key, std::string_view value) {
  return message([&](protozero::pbf_writer& w) {
    w.add_string(1, key.data(), key.size());
    w.add_string(2, value.data(), value.size());
  });
}

inline std::string opset(std::string_view domain, std::int64_t version) {
  return message([&](protozero::pbf_writer& w) {
    w.add_string(1, domain.data(), domain.size());
    w.add_int64(2, version);
  });
}

inline std::string node(std::string_view name, std::string_view op_type,
                        const std::vector<std::string>& attributes = {}) {
  return message([&](protozero::pbf_writer& w) {
    w.add_string(1, "x");
    w.add_string(2, "y");
    w.add_string(3, name.data(), name.size());
    w.add_string(4, op_type.data(), op_type.size());
    for (const std::string& a : attributes) w.add_message(5, a);
  });
}

// A ModelProto of the IR version and opset 17 around a graph.
inline std::string model(std::string_view graph, std::int64_t ir_version = 8) {
  return message([&](protozero::pbf_writer& w) {
    w.add_int64(1, ir_version);
    w.add_message(8, opset("", 17));
    w.add_message(7, graph.data(), graph.size());
  });
}

// A graph of one field: 1 node, 5 initializer, 11 input, 15 sparse initializer ...
inline std::string graph_of(std::uint32_t field, const std::string& content) {
  return message([&](protozero::pbf_writer& w) { w.add_message(field, content); });
}

inline Result<Model> parse(const std::string& bytes, const Limits& limits = {}) {
  // A copy on the heap of exactly that size, so that reading past it is seen.
  auto held = std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
  return parse_model(std::as_bytes(std::span(*held)), held, std::nullopt, limits);
}

// The tensor of a model's one initializer.
inline Result<Tensor> parse_tensor(const std::string& tensor) {
  ASSIGN(const Model m, parse(model(graph_of(5, tensor))));
  return m.graph.initializers.at(0).tensor;
}

}  // namespace gossamer::onnx::test
