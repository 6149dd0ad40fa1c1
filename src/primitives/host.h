// Host: an operation that the caller of the library brings along, as a shape rule and a function.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "graph/primitive.h"

namespace gossamer {

struct HostOperator {
  std::string domain, name;
  std::int64_t since = 1;
  std::function<Status(const std::vector<NamedAttribute>&, InferContext&)> infer;
  std::function<Status(const std::vector<NamedAttribute>&, Context&)> run;
};

// The operators that a host registered. Copied into whoever lowers a model, so that it may change
// afterwards.
class HostOperators {
 public:
  // Fails with usage when the name is taken or incomplete.
  Status add(HostOperator added);
  // The newest that fits the opset version; null when there is none.
  std::shared_ptr<const HostOperator> find(std::string_view domain, std::string_view name,
                                           std::int64_t version) const;

 private:
  std::vector<std::shared_ptr<const HostOperator>> operators_;
};

struct HostAttributes {
  std::shared_ptr<const HostOperator> operation;
  std::vector<NamedAttribute> attributes;  // as the model has them
};

}  // namespace gossamer
