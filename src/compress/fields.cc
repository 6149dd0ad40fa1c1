// Reads a mapping of YAML key by key and says what is unknown, missing or out of range, with its
// line.
#include "compress/fields.h"

#include <algorithm>

namespace gossamer::compress {

std::string at_line(const YAML::Node& node, const std::string& message) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? message : "line " + std::to_string(mark.line + 1) + ": " + message;
}

Fields::Fields(YAML::Node map, std::string what) : map_(std::move(map)), what_(std::move(what)) {
  if (map_.IsDefined() && !map_.IsNull() && !map_.IsMap())
    fail(map_, what_ + " must be a map of fields");
}

bool Fields::has(std::string_view key) const {
  return map_.IsMap() && map_[std::string(key)].IsDefined();
}

YAML::Node Fields::node(std::string_view key) {
  seen_.emplace(key);
  return has(key) ? map_[std::string(key)] : YAML::Node(YAML::NodeType::Undefined);
}

// The node of a field that is there, while nothing is wrong yet.
std::optional<YAML::Node> Fields::take(std::string_view key) {
  seen_.emplace(key);
  if (!status_.ok() || !has(key)) return std::nullopt;
  return map_[std::string(key)];
}

void Fields::fail(const YAML::Node& at, const std::string& message) {
  if (status_.ok()) status_ = usage_error(at_line(at, message));
}

void Fields::read(std::string_view key, bool& to) {
  const auto n = take(key);
  if (n && !(n->IsScalar() && YAML::convert<bool>::decode(*n, to)))
    fail(*n, "'" + std::string(key) + "' of " + what_ + " must be true or false");
}

void Fields::read(std::string_view key, double& to, double low, double high) {
  const auto n = take(key);
  if (!n) return;
  double v = 0;
  if (!n->IsScalar() || !YAML::convert<double>::decode(*n, v) || !(v >= low && v <= high))
    return fail(*n, "'" + std::string(key) + "' of " + what_ + " must be a number from " +
                        std::to_string(low) + " to " + std::to_string(high));
  to = v;
}

void Fields::read(std::string_view key, std::int64_t& to, std::int64_t low, std::int64_t high) {
  const auto n = take(key);
  if (!n) return;
  std::int64_t v = 0;
  if (!n->IsScalar() || !YAML::convert<std::int64_t>::decode(*n, v) || v < low || v > high)
    return fail(*n, "'" + std::string(key) + "' of " + what_ + " must be a whole number from " +
                        std::to_string(low) + " to " + std::to_string(high));
  to = v;
}

void Fields::read(std::string_view key, std::string& to) {
  const auto n = take(key);
  if (!n) return;
  if (!n->IsScalar()) return fail(*n, "'" + std::string(key) + "' of " + what_ + " must be text");
  to = n->Scalar();
}

void Fields::read(std::string_view key, std::vector<std::string>& to) {
  const auto n = take(key);
  if (!n) return;
  to.clear();
  if (n->IsScalar()) return to.push_back(n->Scalar());
  if (!n->IsSequence())
    return fail(*n, "'" + std::string(key) + "' of " + what_ + " must be a list of texts");
  for (const YAML::Node& item : *n) {
    if (!item.IsScalar()) return fail(item, "a list of texts was expected");
    to.push_back(item.Scalar());
  }
}

void Fields::read(std::string_view key, std::vector<double>& to) {
  const auto n = take(key);
  if (!n) return;
  std::vector<YAML::Node> items;
  if (n->IsSequence()) {
    for (const YAML::Node& item : *n) items.push_back(item);
  } else {
    items.push_back(*n);
  }
  to.clear();
  for (const YAML::Node& item : items) {
    double v = 0;
    if (!item.IsScalar() || !YAML::convert<double>::decode(item, v))
      return fail(item, "'" + std::string(key) + "' of " + what_ + " must be a list of numbers");
    to.push_back(v);
  }
}

std::size_t Fields::choice(std::string_view key, std::span<const std::string_view> names,
                           std::size_t none) {
  const auto n = take(key);
  if (!n) return none;
  const auto it = n->IsScalar() ? std::find(names.begin(), names.end(), n->Scalar()) : names.end();
  if (it != names.end()) return static_cast<std::size_t>(it - names.begin());
  std::string all;
  for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
  fail(*n, "'" + std::string(key) + "' of " + what_ + " must be one of " + all);
  return none;
}

Status Fields::finish() {
  if (!status_.ok()) return status_;
  if (!map_.IsMap()) return {};
  for (const auto& field : map_) {
    const std::string key = field.first.IsScalar() ? field.first.Scalar() : "";
    if (seen_.contains(key)) continue;
    std::string known;
    for (const std::string& k : seen_) known += (known.empty() ? "" : ", ") + k;
    return usage_error(at_line(field.first, what_ + " has no field '" + key + "'"),
                       "it may have " + known);
  }
  return {};
}

}  // namespace gossamer::compress
