// Status: the failing path, kept out of line.
#include "base/status.h"

namespace gossamer {

std::string_view code_name(Code code) {
  constexpr std::string_view kNames[] = {"ok",          "mismatch", "usage",    "authentication",
                                         "malformed",   "key",      "policy",   "limit",
                                         "unsupported", "io",       "internal", "interrupted"};
  return kNames[static_cast<std::size_t>(code)];
}

Status::Status(Code code, std::string message, std::string hint)
    : rep_(std::make_unique<Rep>(Rep{code, std::move(message), std::move(hint)})) {
  assert(code != Code::ok);
}

Status::Status(const Status& other)
    : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
  return *this;
}

namespace {
const std::string kEmpty;
}

const std::string& Status::message() const { return rep_ ? rep_->message : kEmpty; }
const std::string& Status::hint() const { return rep_ ? rep_->hint : kEmpty; }

Status&& Status::in(std::string_view where) && {
  if (rep_) rep_->message = std::string(where) + ": " + rep_->message;
  return std::move(*this);
}

Status&& Status::with_hint(std::string hint) && {
  if (rep_ && rep_->hint.empty()) rep_->hint = std::move(hint);
  return std::move(*this);
}

Status malformed(std::string message, std::string hint) {
  return {Code::malformed, std::move(message), std::move(hint)};
}
Status unsupported(std::string message, std::string hint) {
  return {Code::unsupported, std::move(message), std::move(hint)};
}
Status usage_error(std::string message, std::string hint) {
  return {Code::usage, std::move(message), std::move(hint)};
}
Status limit_error(std::string message, std::string hint) {
  return {Code::limit, std::move(message), std::move(hint)};
}
Status io_error(std::string message, std::string hint) {
  return {Code::io, std::move(message), std::move(hint)};
}
Status internal_error(std::string message) { return {Code::internal, std::move(message), {}}; }

}  // namespace gossamer
