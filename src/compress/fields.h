// Reading a recipe's YAML: typed fields of a map, with messages that name the line and say what
// was expected.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace gossamer::compress {

// The fields of one map. Each reader leaves its target as it was when the field is not there; the
// first mistake is kept and later reads do nothing. finish() also refuses fields that nobody read.
class Fields {
 public:
  // `what` names the map in messages: "the recipe", "step quantize".
  Fields(YAML::Node map, std::string what);

  bool has(std::string_view key) const;
  void read(std::string_view key, bool& to);
  void read(std::string_view key, double& to, double low, double high);
  void read(std::string_view key, std::int64_t& to, std::int64_t low, std::int64_t high);
  void read(std::string_view key, std::string& to);
  // A list, or one element for it.
  void read(std::string_view key, std::vector<std::string>& to);
  void read(std::string_view key, std::vector<double>& to);
  template <class E>
  void choose(std::string_view key, E& to) {
    const std::size_t i = choice(key, enum_names(to), static_cast<std::size_t>(to));
    to = static_cast<E>(i);
  }
  // The field's own node, for what the readers above cannot say; undefined when it is not there.
  YAML::Node node(std::string_view key);

  void fail(const YAML::Node& at, const std::string& message);
  Status finish();
  const std::string& what() const { return what_; }

 private:
  std::size_t choice(std::string_view key, std::span<const std::string_view> names,
                     std::size_t none);
  std::optional<YAML::Node> take(std::string_view key);

  YAML::Node map_;
  std::string what_;
  std::set<std::string, std::less<>> seen_;
  Status status_;
};

// "line 12: message".
std::string at_line(const YAML::Node& node, const std::string& message);

}  // namespace gossamer::compress
