// Wire bytes of models: numbers of fields are onnx.proto's. Tensors go to raw_data, sub-byte ones
// packed as files hold them.
#include "onnx/proto_writer.h"

#include <algorithm>
#include <optional>
#include <protozero/pbf_writer.hpp>

#include "base/atomic_file.h"

namespace gossamer::onnx {
namespace {

using Message = protozero::pbf_writer;
using Metadata = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kMaxMessage = (std::int64_t{1} << 31) - 1;
constexpr std::size_t kPage = 4096;           // offsets of tensors in a file of their own
constexpr std::size_t kMinExternal = 1024;    // smaller tensors stay in the message
constexpr std::size_t kWriteStep = 1U << 26;  // bytes handed to the file at once

// What one writing of a model needs: where large tensors go and what went wrong first.
struct Output {
  AtomicFile* data = nullptr;  // of external tensors; null: everything stays inside
  std::string location;        // its name beside the model
  std::uint64_t offset = 0;
  Status status;

  void fail(Status s) {
    if (status.ok()) status = std::move(s);
  }
};

// Two-, four- and six-bit elements as a stream of bits, lowest first.
std::string pack_bits(const Tensor& t) {
  const auto width = static_cast<unsigned>(dtype_info(t.dtype()).file_bits);
  const auto values = t.values<std::uint8_t>();
  std::string out((values.size() * width + 7) / 8, '\0');
  for (std::size_t i = 0; i < values.size(); ++i) {
    const unsigned element = values[i] & ((1U << width) - 1);
    const std::size_t bit = i * width;
    const unsigned shifted = element << (bit % 8);
    const auto put = [&](std::size_t at, unsigned bits) {
      out[at] = static_cast<char>(static_cast<unsigned char>(out[at]) | (bits & 0xFFU));
    };
    put(bit / 8, shifted);
    if (shifted > 0xFFU) put(bit / 8 + 1, shifted >> 8U);
  }
  return out;
}

bool is_narrow(DType dtype) { return dtype_info(dtype).file_bits < 8 && dtype != DType::string; }

void write_entry(Message& parent, std::uint32_t tag, const std::string& key,
                 const std::string& value) {
  Message entry(parent, tag);
  entry.add_string(1, key);
  entry.add_string(2, value);
}

void write_entries(Message& parent, std::uint32_t tag, const Metadata& entries) {
  for (const auto& [key, value] : entries) write_entry(parent, tag, key, value);
}

void write_external(Message& m, std::string_view bytes, Output& out) {
  static const std::string kZeros(kPage, '\0');
  const std::size_t gap = (kPage - out.offset % kPage) % kPage;
  Status s = out.data->write(std::string_view(kZeros).substr(0, gap));
  for (std::size_t at = 0; s.ok() && at < bytes.size(); at += kWriteStep)
    s = out.data->write(bytes.substr(at, kWriteStep));
  if (!s.ok()) return out.fail(std::move(s));
  out.offset += gap;
  write_entry(m, 13, "location", out.location);
  write_entry(m, 13, "offset", std::to_string(out.offset));
  write_entry(m, 13, "length", std::to_string(bytes.size()));
  m.add_int32(14, 1);
  out.offset += bytes.size();
}

void write_tensor(Message m, const std::string& name, const Tensor& t, Output& out) {
  for (const std::int64_t d : t.shape()) m.add_int64(1, d);
  m.add_int32(2, dtype_info(t.dtype()).onnx_code);
  if (!name.empty()) m.add_string(8, name);
  if (t.dtype() == DType::string) {
    for (const std::string& s : t.values<std::string>()) m.add_bytes(6, s);
    return;
  }
  std::string packed;
  std::string_view bytes(static_cast<const char*>(t.data()), t.byte_size());
  if (is_narrow(t.dtype()) && !t.packed()) bytes = packed = pack_bits(t);
  if (out.data != nullptr && bytes.size() >= kMinExternal) return write_external(m, bytes, out);
  m.add_bytes(9, bytes.data(), bytes.size());
}

void write_sparse(Message m, const SparseTensor& s, Output& out) {
  write_tensor(Message(m, 1), s.name, s.values, out);
  write_tensor(Message(m, 2), "", s.indices, out);
  for (const std::int64_t d : s.dims) m.add_int64(3, d);
}

void write_type(Message m, const Type& type, Output& out) {
  switch (type.kind) {
    case Type::Kind::none:
      return;
    case Type::Kind::tensor:
    case Type::Kind::sparse_tensor: {
      Message tensor(m, type.kind == Type::Kind::tensor ? 1 : 8);
      tensor.add_int32(1, dtype_info(type.dtype).onnx_code);
      if (!type.shape) return;
      // protozero drops messages that stay empty: a scalar's shape, an open extent without a name.
      if (type.shape->empty()) return tensor.add_message(2, std::string());
      Message shape(tensor, 2);
      for (const Dimension& d : *type.shape) {
        if (!d.value && d.param.empty()) {
          shape.add_message(1, std::string());
          continue;
        }
        Message dim(shape, 1);
        if (d.value) dim.add_int64(1, *d.value);
        if (!d.value && !d.param.empty()) dim.add_string(2, d.param);
      }
      return;
    }
    case Type::Kind::sequence:
    case Type::Kind::optional: {
      Message outer(m, type.kind == Type::Kind::sequence ? 4 : 9);
      if (type.element) write_type(Message(outer, 1), *type.element, out);
      return;
    }
    default:
      out.fail(unsupported("a map or opaque type cannot be written"));
  }
}

void write_graph(Message m, const Graph& g, Output& out);

int attribute_code(Attribute::Kind kind) {
  switch (kind) {
    case Attribute::Kind::undefined:
      return 0;
    case Attribute::Kind::sparse_tensor:
      return 11;
    case Attribute::Kind::sparse_tensors:
      return 12;
    case Attribute::Kind::type:
      return 13;
    case Attribute::Kind::types:
      return 14;
    default:  // the first ten stand in the standard's order
      return static_cast<int>(kind);
  }
}

void write_attribute(Message m, const Attribute& a, Output& out) {
  using Kind = Attribute::Kind;
  m.add_string(1, a.name);
  m.add_int32(20, attribute_code(a.kind));
  if (!a.ref_attr_name.empty()) return m.add_string(21, a.ref_attr_name);
  if (a.kind == Kind::f) m.add_float(2, a.f);
  if (a.kind == Kind::i) m.add_int64(3, a.i);
  if (a.kind == Kind::s) m.add_bytes(4, a.s);
  for (const float f : a.floats) m.add_float(7, f);
  for (const std::int64_t i : a.ints) m.add_int64(8, i);
  for (const std::string& s : a.strings) m.add_bytes(9, s);
  for (const Tensor& t : a.tensors)
    write_tensor(Message(m, a.kind == Kind::t ? 5 : 10), "", t, out);
  for (const auto& g : a.graphs) write_graph(Message(m, a.kind == Kind::g ? 6 : 11), *g, out);
  for (const SparseTensor& s : a.sparse_tensors)
    write_sparse(Message(m, a.kind == Kind::sparse_tensor ? 22 : 23), s, out);
  for (const Type& t : a.types) write_type(Message(m, a.kind == Kind::type ? 14 : 15), t, out);
}

void write_node(Message m, const Node& n, Output& out) {
  for (const std::string& v : n.inputs) m.add_string(1, v);
  for (const std::string& v : n.outputs) m.add_string(2, v);
  if (!n.name.empty()) m.add_string(3, n.name);
  m.add_string(4, n.op_type);
  for (const Attribute& a : n.attributes) write_attribute(Message(m, 5), a, out);
  if (!n.domain.empty()) m.add_string(7, n.domain);
  if (!n.overload.empty()) m.add_string(8, n.overload);
  write_entries(m, 9, n.metadata);
}

void write_infos(Message& m, std::uint32_t tag, const std::vector<ValueInfo>& infos, Output& out) {
  for (const ValueInfo& v : infos) {
    Message info(m, tag);
    info.add_string(1, v.name);
    write_type(Message(info, 2), v.type, out);
  }
}

void write_graph(Message m, const Graph& g, Output& out) {
  for (const Node& n : g.nodes) write_node(Message(m, 1), n, out);
  m.add_string(2, g.name);
  for (const Initializer& i : g.initializers) write_tensor(Message(m, 5), i.name, i.tensor, out);
  write_infos(m, 11, g.inputs, out);
  write_infos(m, 12, g.outputs, out);
  write_infos(m, 13, g.value_infos, out);
  for (const SparseTensor& s : g.sparse_initializers) write_sparse(Message(m, 15), s, out);
}

void write_opsets(Message& m, std::uint32_t tag,
                  const std::map<std::string, std::int64_t>& opsets) {
  for (const auto& [domain, version] : opsets) {
    Message opset(m, tag);
    opset.add_string(1, domain);
    opset.add_int64(2, version);
  }
}

void write_function(Message m, const Function& f, Output& out) {
  m.add_string(1, f.name);
  for (const std::string& v : f.inputs) m.add_string(4, v);
  for (const std::string& v : f.outputs) m.add_string(5, v);
  for (const std::string& v : f.attributes) m.add_string(6, v);
  for (const Node& n : f.nodes) write_node(Message(m, 7), n, out);
  write_opsets(m, 9, f.opsets);
  m.add_string(10, f.domain);
  for (const Attribute& a : f.attribute_defaults) write_attribute(Message(m, 11), a, out);
  if (!f.overload.empty()) m.add_string(13, f.overload);
}

void write_model(Message m, const Model& model, Output& out) {
  m.add_int64(1, model.ir_version);
  if (!model.producer_name.empty()) m.add_string(2, model.producer_name);
  if (!model.producer_version.empty()) m.add_string(3, model.producer_version);
  if (!model.domain.empty()) m.add_string(4, model.domain);
  if (model.model_version != 0) m.add_int64(5, model.model_version);
  if (!model.doc.empty()) m.add_string(6, model.doc);
  write_graph(Message(m, 7), model.graph, out);
  write_opsets(m, 8, model.opsets);
  write_entries(m, 14, model.metadata);
  for (const Function& f : model.functions) write_function(Message(m, 25), f, out);
}

// Bytes of all tensors of a graph, bodies and attributes included.
std::int64_t tensor_bytes(const Graph& g) {
  std::int64_t total = 0;
  for (const Initializer& i : g.initializers)
    total += static_cast<std::int64_t>(i.tensor.byte_size());
  for (const Node& n : g.nodes) {
    for (const Attribute& a : n.attributes) {
      for (const Tensor& t : a.tensors) total += static_cast<std::int64_t>(t.byte_size());
      for (const auto& body : a.graphs) total += tensor_bytes(*body);
    }
  }
  return total;
}

Result<std::string> serialize_into(const Model& model, Output& out) {
  std::string bytes;
  write_model(Message(bytes), model, out);
  TRY(out.status);
  if (static_cast<std::int64_t>(bytes.size()) > kMaxMessage)
    return limit_error("the model takes more than 2 GiB beside its large tensors");
  return bytes;
}

}  // namespace

Result<std::string> serialize(const Model& model) {
  if (tensor_bytes(model.graph) > kMaxMessage)
    return limit_error("the model's tensors take more than 2 GiB: they need a file of their own");
  Output out;
  return serialize_into(model, out);
}

Status write_file(const Model& model, const std::filesystem::path& path,
                  const FileOptions& options) {
  ASSIGN(AtomicFile file, AtomicFile::create(path.string()));
  Output out;
  std::optional<AtomicFile> data;
  if (tensor_bytes(model.graph) > options.max_inline_bytes) {
    ASSIGN(AtomicFile created, AtomicFile::create(path.string() + ".data"));
    data.emplace(std::move(created));
    out.data = &*data;
    out.location = path.filename().string() + ".data";
  }
  ASSIGN(const std::string bytes, serialize_into(model, out));
  for (std::size_t at = 0; at < bytes.size(); at += kWriteStep)
    TRY(file.write(std::string_view(bytes).substr(at, kWriteStep)));
  if (data) TRY(data->commit());
  return file.commit();
}

}  // namespace gossamer::onnx
