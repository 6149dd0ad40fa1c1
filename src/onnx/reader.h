// What the readers of this room share: the account of memory and counts, the helpers that append to
// lists without trusting the file, and one function per message of onnx.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "onnx/external_data.h"
#include "onnx/model.h"
#include "onnx/wire.h"

namespace gossamer::onnx {

// What the decoded form may take, in bytes: a multiple of the file's size plus a constant, so that
// no file of n bytes makes us hold more than 16 n + 64 MiB.
class Budget {
 public:
  explicit Budget(std::size_t file_bytes) : left_(file_bytes * 13 + kConstant) {}
  // Takes `count` things of `size` bytes; fails (limit) when that is more than is left.
  Status take(std::size_t count, std::size_t size);
  // More bytes were found to read, in a file beside the model.
  void add_file(std::size_t bytes) { left_ += bytes; }

 private:
  static constexpr std::size_t kConstant = std::size_t{40} << 20U;
  std::size_t left_;
};

// The state of reading one file.
struct Reader {
  Reader(Bytes file, std::shared_ptr<const void> file_owner,
         const std::optional<std::filesystem::path>& folder, const Limits& file_limits)
      : limits(file_limits), budget(file.size()), owner(std::move(file_owner)), external(folder) {}

  Status count_nodes(std::size_t more);
  Status count_values(std::size_t more);
  // Fails (limit) when a message is nested deeper than allowed.
  Status check_depth(std::size_t depth) const;

  Limits limits;
  Budget budget;
  std::shared_ptr<const void> owner;
  ExternalData external;
  std::int64_t ir_version = 0;
  bool in_function = false;
  std::size_t nodes = 0;
  std::size_t values = 0;
};

// Each decodes the message in `bytes` into `out`. `depth` counts the messages of its kind around
// it.
Status read_type(Reader& reader, Bytes bytes, std::size_t depth, Type& out);
Status read_value_info(Reader& reader, Bytes bytes, ValueInfo& out);
Status read_tensor(Reader& reader, Bytes bytes, std::string& name, Tensor& out);
Status read_sparse_tensor(Reader& reader, Bytes bytes, SparseTensor& out);
Status read_attribute(Reader& reader, Bytes bytes, std::size_t depth, Attribute& out);
Status read_node(Reader& reader, Bytes bytes, std::size_t depth, Node& out);
Status read_graph(Reader& reader, Bytes bytes, std::size_t depth, Graph& out);
Status read_function(Reader& reader, Bytes bytes, Function& out);
// An OperatorSetIdProto, added to `opsets`; checks the versions that this build knows.
Status read_opset(Reader& reader, Bytes bytes, std::map<std::string, std::int64_t>& opsets);

// The current field's text, which must be UTF-8 without NUL characters.
Status read_text(Reader& reader, const Fields& field, std::string& out);
// The same without these checks, for `bytes` fields.
Status read_bytes(Reader& reader, const Fields& field, std::string& out);
// A StringStringEntryProto.
Status read_entry(Reader& reader, Bytes bytes, std::pair<std::string, std::string>& out);
// Appends the integers of the current field, packed or not.
Status append_int64s(Reader& reader, const Fields& field, std::vector<std::int64_t>& out);

// "ai.onnx" and "" are the same domain; the house writes "".
void normalize_domain(std::string& domain);

// Whether an error at that depth still says where it is: further in, the places only repeat.
inline bool names_place(std::size_t depth) { return depth <= 3; }

// The name that occurs twice in `names`, if any does.
std::optional<Bytes> find_duplicate(std::vector<Bytes> names);

// A name for a node, for messages, from its bytes, broken or not: "node 'conv1' (Conv)".
std::string describe_node(Bytes bytes, std::size_t index);
// The text of field `number` in a message, broken or not; empty when there is none.
Bytes peek_text(Bytes message, std::uint32_t number);

// Makes room in an empty `list` for all that the rest of the message holds of the current field.
template <class T>
Status make_room(Reader& reader, const Fields& field, std::vector<T>& list) {
  if (!list.empty()) return {};
  const std::size_t count = field.count_left();
  TRY(reader.budget.take(count, sizeof(T)));
  list.reserve(count);
  return {};
}

// Appends one element for the current field, a message, and decodes it with read(bytes, element).
template <class T, class Read>
Status append_message(Reader& reader, const Fields& field, std::vector<T>& list, Read&& read) {
  ASSIGN(const Bytes bytes, field.bytes());
  TRY(make_room(reader, field, list));
  return read(bytes, list.emplace_back());
}

// Appends the current field's text.
Status append_text(Reader& reader, const Fields& field, std::vector<std::string>& list);

}  // namespace gossamer::onnx
