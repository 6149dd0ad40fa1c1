// The printer of a Graph's text form.
#include "graph/text.h"

#include <algorithm>

#include "graph/element_text.h"

namespace gossamer {
namespace {

class Printer {
 public:
  Printer(const TextOptions& options, std::string& out) : options_(options), out_(out) {}

  void graph(const Graph& g, int indent) {
    line(indent, "graph ");
    name(g.name);
    out_ += '(';
    list(g.inputs, [&](ValueId id) { declaration(g, id); });
    out_ += ") -> (";
    list(g.outputs, [&](ValueId id) { reference(g, id); });
    out_ += ") {\n";
    std::vector<bool> printed = constants_without_reader(g, indent + 1);
    for (const Node& n : g.nodes) {
      std::vector<ValueId> constants;
      for (ValueId id : n.operands) {
        if (id == kNoValue || !g.value(id).constant || printed[static_cast<std::size_t>(id)]) {
          continue;
        }
        printed[static_cast<std::size_t>(id)] = true;
        constants.push_back(id);
      }
      std::sort(constants.begin(), constants.end());
      for (ValueId id : constants) constant(g, id, indent + 1);
      node(g, n, indent + 1);
    }
    line(indent, "}\n");
  }

  void tensor(const Tensor& t) {
    out_ += Type::tensor(t.dtype(), t.shape()).to_string();
    elements(t);
  }

 private:
  void line(int indent, std::string_view text) {
    out_.append(static_cast<std::size_t>(indent) * 2, ' ');
    out_ += text;
  }

  void name(std::string_view text) {
    if (is_bare_name(text)) {
      out_ += text;
    } else {
      append_quoted(text, out_);
    }
  }

  template <class Item, class Print>
  void list(const std::vector<Item>& items, Print print) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ", ";
      print(items[i]);
    }
  }

  void reference(const Graph& g, ValueId id) {
    if (id == kNoValue) {
      out_ += '_';
    } else {
      name(g.value(id).name);
    }
  }

  void declaration(const Graph& g, ValueId id) {
    reference(g, id);
    if (id != kNoValue) out_ += ": " + g.value(id).type.to_string();
  }

  // Constants that no node reads come first; the others just before their first reader. Tells which
  // are printed.
  std::vector<bool> constants_without_reader(const Graph& g, int indent) {
    std::vector<bool> read(g.values.size());
    for (const Node& n : g.nodes) {
      for (ValueId id : n.operands) {
        if (id != kNoValue) read[static_cast<std::size_t>(id)] = true;
      }
    }
    std::vector<bool> printed(g.values.size());
    for (std::size_t i = 0; i < g.values.size(); ++i) {
      if (read[i] || !g.values[i].constant) continue;
      constant(g, static_cast<ValueId>(i), indent);
      printed[i] = true;
    }
    return printed;
  }

  void constant(const Graph& g, ValueId id, int indent) {
    line(indent, "");
    declaration(g, id);
    out_ += " = constant ";
    const Tensor& t = *g.value(id).constant;
    if (!options_.full && t.count() > options_.max_constant_elements) {
      out_ += "#" + std::to_string(t.count());
    } else {
      elements(t);
    }
    out_ += '\n';
  }

  void elements(const Tensor& t) {
    out_ += '{';
    Result<Tensor> plain = t.unpack();
    if (plain.ok()) append_elements(*plain, out_);
    out_ += '}';
  }

  void node(const Graph& g, const Node& n, int indent) {
    line(indent, "");
    if (n.results.size() == 1) {
      declaration(g, n.results[0]);
    } else {
      out_ += '(';
      list(n.results, [&](ValueId id) { declaration(g, id); });
      out_ += ')';
    }
    out_ += " = ";
    out_ += n.primitive ? n.primitive->name : "nothing";
    out_ += '(';
    list(n.operands, [&](ValueId id) { reference(g, id); });
    out_ += ')';
    if (n.primitive && n.attributes) {
      for (const NamedAttribute& a : n.primitive->describe(n.attributes.get())) {
        out_ += " " + a.name + "=";
        attribute(a.value);
      }
    }
    if (!n.bodies.empty()) {
      out_ += " {\n";
      for (const auto& body : n.bodies) {
        if (body) graph(*body, indent + 1);
      }
      line(indent, "}");
    }
    out_ += '\n';
  }

  void attribute(const AttributeValue& v) {
    if (const auto* i = std::get_if<std::int64_t>(&v.value)) {
      out_ += std::to_string(*i);
    } else if (const auto* d = std::get_if<double>(&v.value)) {
      append_real(*d, out_);
    } else if (const auto* word = std::get_if<Word>(&v.value)) {
      out_ += word->text;
    } else if (const auto* block = std::get_if<Block>(&v.value)) {
      out_ += "{" + block->text + "}";
    } else if (const auto* text = std::get_if<std::string>(&v.value)) {
      append_quoted(*text, out_);
    } else if (const auto* items = std::get_if<AttributeValue::List>(&v.value)) {
      out_ += '[';
      list(*items, [&](const AttributeValue& item) { attribute(item); });
      out_ += ']';
    } else if (const auto* t = std::get_if<Tensor>(&v.value)) {
      tensor(*t);
    }
  }

  const TextOptions& options_;
  std::string& out_;
};

}  // namespace

std::string to_text(const Graph& graph, const TextOptions& options) {
  std::string out;
  Printer(options, out).graph(graph, 0);
  return out;
}

std::string to_text(const Tensor& tensor) {
  std::string out;
  Printer(TextOptions{}, out).tensor(tensor);
  return out;
}

}  // namespace gossamer
