// ModelProto, and the doors of this room: a file or bytes in, a Model or a Status out.
#include <limits>

#include "base/mapped_file.h"
#include "onnx/file_kind.h"
#include "onnx/reader.h"

namespace gossamer::onnx {
namespace {

constexpr std::int64_t kFirstIr = 3, kLastIr = 14;
constexpr std::int64_t kFirstOpset = 1, kLastOpset = 28;
constexpr std::int64_t kFirstIrWithFunctions = 8;

// The fields of ModelProto that say how to read the others.
Status read_header_field(Reader& reader, const Fields& fields, Model& out) {
  switch (fields.number()) {
    case 1: {
      ASSIGN(out.ir_version, fields.int64());
      return {};
    }
    case 2:
      return read_text(reader, fields, out.producer_name);
    case 3:
      return read_text(reader, fields, out.producer_version);
    case 4:
      return read_text(reader, fields, out.domain);
    case 5: {
      ASSIGN(out.model_version, fields.int64());
      return {};
    }
    case 6:
      return read_text(reader, fields, out.doc);
    case 8: {
      ASSIGN(const Bytes bytes, fields.bytes());
      return read_opset(reader, bytes, out.opsets);
    }
    case 14:
      return append_message(reader, fields, out.metadata, [&](Bytes bytes, auto& entry) {
        return read_entry(reader, bytes, entry);
      });
    default:
      return {};
  }
}

Status check_header(const Model& model) {
  if (model.ir_version <= 0) return malformed("it has no IR version");
  if (model.ir_version < kFirstIr || model.ir_version > kLastIr) {
    return unsupported("IR version " + std::to_string(model.ir_version) + " is not between " +
                           std::to_string(kFirstIr) + " and " + std::to_string(kLastIr),
                       "convert the model with onnx.version_converter");
  }
  if (model.opsets.empty()) return malformed("it imports no operator set");
  return {};
}

Status read_body(Reader& reader, Bytes bytes, Model& out) {
  bool has_graph = false;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == 7) {
      ASSIGN(const Bytes graph, fields.bytes());
      if (has_graph) return malformed("it has two graphs");
      has_graph = true;
      TRY(read_graph(reader, graph, 1, out.graph));
    } else if (fields.number() == 25) {
      if (out.ir_version < kFirstIrWithFunctions) {
        return malformed("functions need IR version " + std::to_string(kFirstIrWithFunctions) +
                         ", but it has " + std::to_string(out.ir_version));
      }
      TRY(append_message(reader, fields, out.functions, [&](Bytes function, Function& f) {
        return read_function(reader, function, f);
      }));
    }
  }
  if (!has_graph) return malformed("it has no graph");
  return fields.status();
}

Status check_functions(const Model& model) {
  std::vector<std::string> keys;
  keys.reserve(model.functions.size());
  for (const Function& f : model.functions) {
    keys.push_back(f.domain + '\0' + f.overload + '\0' + f.name);
  }
  const auto twice = find_duplicate({keys.begin(), keys.end()});
  if (!twice) return {};
  return malformed("function " + quote_name(twice->substr(twice->rfind('\0') + 1)) +
                   " is given twice");
}

Status read_whole(Reader& reader, Bytes bytes, Model& out) {
  if (bytes.empty()) return malformed("it is empty");
  Fields fields(bytes);
  while (fields.next()) TRY(read_header_field(reader, fields, out));
  TRY(fields.status());
  TRY(check_header(out));
  reader.ir_version = out.ir_version;
  TRY(read_body(reader, bytes, out));
  return check_functions(out);
}

}  // namespace

Status read_opset(Reader& reader, Bytes bytes, std::map<std::string, std::int64_t>& opsets) {
  std::string domain;
  std::int64_t version = 0;
  Fields fields(bytes);
  while (fields.next()) {
    if (fields.number() == 1) TRY(read_text(reader, fields, domain));
    if (fields.number() == 2) {
      ASSIGN(version, fields.int64());
    }
  }
  TRY(fields.status());
  normalize_domain(domain);
  const std::string name = domain.empty() ? "ai.onnx" : domain;
  if (version < kFirstOpset) {
    return malformed("operator set " + quote_name(name) + " has version " +
                     std::to_string(version));
  }
  if (domain.empty() && version > kLastOpset) {
    return unsupported("opset " + std::to_string(version) + " is above " +
                           std::to_string(kLastOpset) + ", the newest that is known",
                       "convert the model with onnx.version_converter");
  }
  constexpr std::size_t kMapNode = 112;
  TRY(reader.budget.take(1, kMapNode));
  const auto [at, added] = opsets.emplace(std::move(domain), version);
  if (added || at->second == version) return {};
  return malformed("operator set " + quote_name(name) + " is imported in versions " +
                   std::to_string(at->second) + " and " + std::to_string(version));
}

Result<Model> parse_model(std::span<const std::byte> bytes, std::shared_ptr<const void> owner,
                          const std::optional<std::filesystem::path>& folder,
                          const Limits& limits) {
  const Bytes file(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  Reader reader(file, std::move(owner), folder, limits);
  Model model;
  model.file_bytes = bytes.size();
  Status status = read_whole(reader, file, model);
  model.external_files = reader.external.opened();
  if (status.ok()) return model;
  if (status.code() == Code::malformed) status = std::move(status).with_hint(guess_file_kind(file));
  return status;
}

Result<Model> read_model(const std::filesystem::path& path, const Limits& limits) {
  ASSIGN(const MappedFile file, MappedFile::open(path.string()));
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Result<Model> model = parse_model(file.bytes(), file.owner(), folder, limits);
  if (model.ok()) return model;
  return std::move(model).status().in(path.string());
}

}  // namespace gossamer::onnx
