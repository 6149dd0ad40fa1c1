// Host: hands inference and evaluation to the host's functions.
#include "primitives/host.h"

#include "primitives/primitives.h"

namespace gossamer {

Status HostOperators::add(HostOperator added) {
  if (added.name.empty() || !added.infer || !added.run)
    return usage_error("an operator needs a name, a shape rule and a function");
  for (const auto& o : operators_)
    if (o->domain == added.domain && o->name == added.name && o->since == added.since)
      return usage_error("operator '" + added.domain + "." + added.name + "' is registered twice");
  operators_.push_back(std::make_shared<const HostOperator>(std::move(added)));
  return {};
}

std::shared_ptr<const HostOperator> HostOperators::find(std::string_view domain,
                                                        std::string_view name,
                                                        std::int64_t version) const {
  std::shared_ptr<const HostOperator> best;
  for (const auto& o : operators_)
    if (o->domain == domain && o->name == name && o->since <= version &&
        (!best || best->since < o->since))
      best = o;
  return best;
}

namespace {

const HostAttributes& host(const void* attributes) {
  return *static_cast<const HostAttributes*>(attributes);
}

std::vector<NamedAttribute> describe(const void* attributes) {
  std::vector<NamedAttribute> out = host(attributes).attributes;
  out.insert(
      out.begin(),
      {"operator", {host(attributes).operation->domain + "." + host(attributes).operation->name}});
  return out;
}

Result<AttributePtr> build(std::span<const NamedAttribute>) {
  return unsupported(
      "a host's operator cannot be read from text: it is known only where it was registered");
}

Status infer(const void* attributes, InferContext& c) {
  return host(attributes).operation->infer(host(attributes).attributes, c);
}

Status evaluate(const void* attributes, Context& c) {
  return host(attributes).operation->run(host(attributes).attributes, c);
}

constexpr Primitive make_host() {
  Primitive p;
  p.name = "host";
  p.arity = {
      .min_operands = 0, .max_operands = kAnyNumber, .min_results = 1, .max_results = kAnyNumber};
  // What a host's function does is its own affair: it may count, draw or look at the clock.
  p.traits = kOpaque | kLateExtents | kVaries;
  p.describe = describe;
  p.build = build;
  p.infer = infer;
  p.evaluate = evaluate;
  return p;
}

}  // namespace

constinit const Primitive kHost = make_host();

}  // namespace gossamer
