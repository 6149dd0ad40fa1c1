// Status and Result<T>: how every fallible function of the house reports failure.
// A Status is one pointer wide and free when fine. Messages are lower case, name what, where and
// why, and end without a full stop; a hint says what to do. Context ("node 'conv1' (Conv)") is put
// in front as an error travels outward.
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gossamer {

enum class Code : std::uint8_t {
  ok,
  mismatch,  // the answer is no: a comparison differs
  usage,     // the caller asked for something that makes no sense, wrong or missing input included
  authentication,  // a signature or a tag does not fit
  malformed,       // bytes from outside break their format
  key,             // a key is missing or wrong
  policy,          // forbidden by policy
  limit,           // more memory, nodes, depth or time than allowed
  unsupported,     // well formed, but not something this build can do
  io,              // the operating system said no
  internal,        // a bug of ours
  interrupted,     // cancelled by the caller or by a signal
};

// The name of a code in messages and JSON, for example "malformed".
std::string_view code_name(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // fine
  Status(Code code, std::string message, std::string hint = {});
  Status(const Status& other);
  Status& operator=(const Status& other);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  ~Status() = default;

  bool ok() const { return rep_ == nullptr; }
  explicit operator bool() const { return ok(); }
  Code code() const { return rep_ ? rep_->code : Code::ok; }
  const std::string& message() const;
  const std::string& hint() const;

  // Puts "`where`: " in front of the message of a failed status; returns it for chaining.
  Status&& in(std::string_view where) &&;
  // Sets the hint of a failed status unless it has one.
  Status&& with_hint(std::string hint) &&;

 private:
  struct Rep {
    Code code;
    std::string message;
    std::string hint;
  };
  std::unique_ptr<Rep> rep_;
};

// A value or the Status that says why there is none.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }

  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const& { return status_; }
  Status&& status() && { return std::move(status_); }

  T& value() & { return assert(ok()), *value_; }
  const T& value() const& { return assert(ok()), *value_; }
  T&& value() && { return assert(ok()), std::move(*value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

Status malformed(std::string message, std::string hint = {});
Status unsupported(std::string message, std::string hint = {});
Status usage_error(std::string message, std::string hint = {});
Status limit_error(std::string message, std::string hint = {});
Status io_error(std::string message, std::string hint = {});
Status internal_error(std::string message);

}  // namespace gossamer

#define GOSS_CONCAT_(a, b) a##b
#define GOSS_CONCAT(a, b) GOSS_CONCAT_(a, b)

// Returns from the enclosing function when `expr` (a Status) failed.
#define TRY(expr)                              \
  do {                                         \
    ::gossamer::Status try_status_ = (expr);   \
    if (!try_status_.ok()) return try_status_; \
  } while (false)

// Declares or assigns `target` from `expr` (a Result<T>), or returns its Status.
#define ASSIGN(target, expr) GOSS_ASSIGN_(GOSS_CONCAT(result_, __COUNTER__), target, expr)
#define GOSS_ASSIGN_(tmp, target, expr)          \
  auto tmp = (expr);                             \
  if (!tmp.ok()) return std::move(tmp).status(); \
  target = std::move(tmp).value()
