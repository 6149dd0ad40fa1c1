// The parser of a Graph's text form: graphs, values, constants and nodes, inferred line by line.
#include <algorithm>
#include <charconv>
#include <set>

#include "graph/element_text.h"
#include "graph/run_inference.h"
#include "graph/text.h"
#include "graph/text_cursor.h"

namespace gossamer {
namespace {

constexpr int kMaxBodyNesting = 32;
constexpr std::size_t kMaxTextBytes = std::size_t{1} << 31;

using FindPrimitive = std::function<const Primitive*(std::string_view)>;

// A number above that of every symbol u<N> in the text, so that inferred symbols cannot meet
// written ones.
std::int64_t first_free_symbol(std::string_view text) {
  std::int64_t next = 0;
  for (std::size_t i = text.find('u'); i != std::string_view::npos; i = text.find('u', i + 1)) {
    const std::string_view digits = text.substr(i + 1, 12);
    std::int64_t number = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc{}) {
      next = std::max(next, number + 1);
    }
  }
  return next;
}

class GraphParser {
 public:
  GraphParser(std::string_view text, const FindPrimitive& find_primitive)
      : cursor_(text), find_primitive_(find_primitive), next_symbol_(first_free_symbol(text)) {}

  Result<Graph> parse() {
    ASSIGN(Graph graph, graph_at(0));
    cursor_.skip_lines();
    if (!cursor_.at_end()) return cursor_.fail("unexpected text after the graph");
    return graph;
  }

 private:
  // What stands on the left of '=': names, "_" for a result left out, and types where they are
  // given.
  struct Declaration {
    std::string name;
    bool left_out = false;
    std::optional<Type> type;
  };
  struct Declarations {
    std::vector<Declaration> items;
    bool in_parentheses = false;
    std::size_t offset = 0;
  };

  Result<Graph> graph_at(int nesting) {
    if (nesting > kMaxBodyNesting) return cursor_.fail("bodies nested too deeply");
    TRY(cursor_.expect("graph"));
    Graph graph;
    ASSIGN(graph.name, cursor_.take_name("a name"));
    TRY(inputs(graph));
    TRY(cursor_.expect("->"));
    ASSIGN(std::vector<std::string> outputs, output_names());
    const std::size_t outputs_end = cursor_.offset();
    TRY(cursor_.expect("{"));
    while (!cursor_.take('}')) TRY(statement(graph, nesting));
    for (const std::string& name : outputs) {
      const ValueId id = graph.find(name);
      if (id == kNoValue) {
        return cursor_.locate(malformed("the output '" + name + "' is not computed"), outputs_end);
      }
      graph.outputs.push_back(id);
    }
    return graph;
  }

  Status inputs(Graph& graph) {
    TRY(cursor_.expect("("));
    if (cursor_.take(')')) return {};
    do {
      ASSIGN(std::string name, cursor_.take_name("an input"));
      TRY(cursor_.expect(":"));
      ASSIGN(Type type, written_type());
      ASSIGN(ValueId id, new_value(graph, name, std::move(type)));
      graph.inputs.push_back(id);
    } while (cursor_.take(','));
    return cursor_.expect(")");
  }

  Result<std::vector<std::string>> output_names() {
    std::vector<std::string> names;
    TRY(cursor_.expect("("));
    if (cursor_.take(')')) return names;
    do {
      ASSIGN(std::string name, cursor_.take_name("an output"));
      names.push_back(std::move(name));
    } while (cursor_.take(','));
    TRY(cursor_.expect(")"));
    return names;
  }

  // A type, whose symbols must not be those that inference uses to compare types.
  Result<Type> written_type() {
    ASSIGN(Type type, cursor_.take_type());
    for (const Dim& dim : type.shape.value_or(DimVector{})) {
      for (const std::string& name : dim.symbols()) {
        if (name.starts_with(kFreshPattern)) return cursor_.fail("'" + name + "' is reserved");
      }
    }
    return type;
  }

  Result<ValueId> new_value(Graph& graph, const std::string& name, Type type) {
    if (name.empty()) return cursor_.fail("an empty name");
    if (graph.find(name) != kNoValue) return cursor_.fail("'" + name + "' is there already");
    return graph.add_value(name, std::move(type));
  }

  Result<Declarations> declarations() {
    Declarations list;
    list.in_parentheses = cursor_.take('(');
    list.offset = cursor_.offset();
    if (list.in_parentheses && cursor_.take(')')) return list;
    do {
      Declaration d;
      cursor_.skip_lines();
      const bool quoted = cursor_.peek() == '"';
      ASSIGN(d.name, cursor_.take_name("a name or '}'"));
      d.left_out = !quoted && d.name == "_";
      if (cursor_.take(':')) {
        ASSIGN(d.type, written_type());
      }
      list.items.push_back(std::move(d));
    } while (list.in_parentheses && cursor_.take(','));
    if (list.in_parentheses) TRY(cursor_.expect(")"));
    return list;
  }

  Status statement(Graph& graph, int nesting) {
    ASSIGN(Declarations results, declarations());
    TRY(cursor_.expect("="));
    cursor_.skip_lines();
    const std::size_t offset = cursor_.offset();
    const std::string_view word = cursor_.take_word();
    cursor_.skip_blanks();
    if (word == "constant" && cursor_.peek() != '(') return constant(graph, std::move(results));
    const Primitive* primitive = find_primitive_(word);
    if (!primitive) {
      return cursor_.locate(
          malformed("unknown primitive '" + std::string(word.substr(0, 64)) + "'"), offset);
    }
    return node(graph, *primitive, results, offset, nesting);
  }

  Status constant(Graph& graph, Declarations results) {
    if (results.in_parentheses || results.items[0].left_out || !results.items[0].type) {
      return cursor_.fail("a constant needs one name and its type");
    }
    if (cursor_.peek() == '#') {
      Status status = cursor_.fail("constant '" + results.items[0].name + "' is elided");
      return std::move(status).with_hint("print the graph in full to read it back");
    }
    Declaration& d = results.items[0];
    ASSIGN(Tensor tensor, cursor_.take_tensor(*d.type));
    ASSIGN(ValueId id, new_value(graph, d.name, *std::move(d.type)));
    graph.value(id).constant = std::move(tensor);
    return cursor_.expect_line_end();
  }

  Result<std::vector<ValueId>> operands(const Graph& graph) {
    std::vector<ValueId> ids;
    TRY(cursor_.expect("("));
    if (cursor_.take(')')) return ids;
    do {
      cursor_.skip_lines();
      const bool quoted = cursor_.peek() == '"';
      const std::size_t offset = cursor_.offset();
      ASSIGN(std::string name, cursor_.take_name("an operand"));
      const ValueId id = !quoted && name == "_" ? kNoValue : graph.find(name);
      if (id == kNoValue && (quoted || name != "_")) {
        return cursor_.locate(malformed("'" + name + "' is not computed before this line"), offset);
      }
      ids.push_back(id);
    } while (cursor_.take(','));
    TRY(cursor_.expect(")"));
    return ids;
  }

  Result<AttributePtr> attributes(const Primitive& primitive, std::size_t offset) {
    std::vector<NamedAttribute> list;
    std::set<std::string, std::less<>> names;
    while (true) {
      cursor_.skip_blanks();
      const std::string_view name = cursor_.take_word();
      if (name.empty()) break;
      if (!names.emplace(name).second) {
        return cursor_.fail("attribute '" + std::string(name) + "' is there twice");
      }
      TRY(cursor_.expect("="));
      ASSIGN(AttributeValue value, cursor_.take_attribute());
      list.push_back({std::string(name), std::move(value)});
    }
    Result<AttributePtr> built = primitive.build(list);
    if (!built.ok()) return cursor_.locate(std::move(built).status(), offset);
    return built;
  }

  Status bodies(Node& node, int nesting) {
    cursor_.skip_blanks();
    if (cursor_.peek() != '{') return {};
    TRY(cursor_.expect("{"));
    while (!cursor_.take('}')) {
      ASSIGN(Graph body, graph_at(nesting + 1));
      node.bodies.push_back(std::make_shared<const Graph>(std::move(body)));
    }
    return {};
  }

  Status node(Graph& graph, const Primitive& primitive, const Declarations& results,
              std::size_t offset, int nesting) {
    Node n;
    n.primitive = &primitive;
    ASSIGN(n.operands, operands(graph));
    ASSIGN(n.attributes, attributes(primitive, offset));
    TRY(bodies(n, nesting));
    TRY(cursor_.expect_line_end());
    std::size_t typed = 0;
    std::size_t wanted = 0;
    for (const Declaration& d : results.items) {
      ValueId id = kNoValue;
      if (!d.left_out) {
        ++wanted;
        typed += d.type ? 1 : 0;
        ASSIGN(id, new_value(graph, d.name, d.type.value_or(Type{})));
      }
      n.results.push_back(id);
    }
    if (typed != 0 && typed != wanted) {
      return cursor_.locate(malformed("give the types of all results or of none"), results.offset);
    }
    if (Status status = check_arity(n); !status.ok()) {
      return cursor_.locate(std::move(status), offset);
    }
    const NodeId id = graph.append(std::move(n));
    Status status = typed > 0 ? infer_against_stored(graph, id) : infer_node(graph, id, [this] {
      return Dim::symbol("u" + std::to_string(next_symbol_++));
    });
    if (!status.ok()) return cursor_.locate(std::move(status), offset);
    return {};
  }

  TextCursor cursor_;
  const FindPrimitive& find_primitive_;
  std::int64_t next_symbol_;
};

}  // namespace

Result<Graph> parse_graph(std::string_view text, const FindPrimitive& find_primitive) {
  if (text.size() > kMaxTextBytes) return limit_error("a graph's text of more than 2 GiB");
  ASSIGN(Graph graph, GraphParser(text, find_primitive).parse());
  // Every line was checked as it was read; this is the last word on the whole.
  if (Status status = verify(graph, false); !status.ok()) return malformed(status.message());
  return graph;
}

}  // namespace gossamer
