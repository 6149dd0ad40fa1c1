// The door of gossamer.h for C++20: handles that free themselves, spans, exceptions. Header only.
#ifndef GOSSAMER_GOSSAMER_HPP
#define GOSSAMER_GOSSAMER_HPP

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gossamer/gossamer.h"

namespace goss {

// What every failing call throws.
class Error : public std::runtime_error {
 public:
  Error(gossamer_code code, const std::string& message, std::string hint)
      : std::runtime_error(message), code_(code), hint_(std::move(hint)) {}
  gossamer_code code() const { return code_; }
  const std::string& hint() const { return hint_; }  // what to do about it, or ""

 private:
  gossamer_code code_;
  std::string hint_;
};

namespace detail {
// By reference: the call that sets `error` may be evaluated after the other argument.
inline void check(gossamer_code code, gossamer_error* const& error) {
  if (code == GOSSAMER_OK) return;
  const std::unique_ptr<gossamer_error, decltype(&gossamer_error_free)> owner(error,
                                                                              &gossamer_error_free);
  throw Error(code, error ? gossamer_error_message(error) : "out of memory",
              gossamer_error_hint(error));
}
template <auto F>
struct Free {
  template <class T>
  void operator()(T* handle) const {
    F(handle);
  }
};
template <class T>
constexpr gossamer_dtype dtype_of() {
  if constexpr (std::is_same_v<T, float>) return GOSSAMER_F32;
  if constexpr (std::is_same_v<T, double>) return GOSSAMER_F64;
  if constexpr (std::is_same_v<T, std::int8_t>) return GOSSAMER_I8;
  if constexpr (std::is_same_v<T, std::uint8_t>) return GOSSAMER_U8;
  if constexpr (std::is_same_v<T, std::int16_t>) return GOSSAMER_I16;
  if constexpr (std::is_same_v<T, std::uint16_t>) return GOSSAMER_U16;
  if constexpr (std::is_same_v<T, std::int32_t>) return GOSSAMER_I32;
  if constexpr (std::is_same_v<T, std::uint32_t>) return GOSSAMER_U32;
  if constexpr (std::is_same_v<T, std::int64_t>) return GOSSAMER_I64;
  if constexpr (std::is_same_v<T, std::uint64_t>) return GOSSAMER_U64;
  if constexpr (std::is_same_v<T, bool>) return GOSSAMER_BOOL;
}
}  // namespace detail

// A view of somebody else's elements and shape; for other element types fill a gossamer_tensor.
template <class T>
gossamer_tensor view(std::span<const T> elements, std::span<const std::int64_t> shape) {
  return {detail::dtype_of<T>(), static_cast<std::int32_t>(shape.size()), shape.data(),
          elements.data(), elements.size_bytes()};
}

// The outputs of one run. Views live as long as it does.
class Answer {
 public:
  explicit Answer(gossamer_answer* handle) : handle_(handle) {}
  std::size_t size() const { return gossamer_answer_count(handle_.get()); }
  std::string_view name(std::size_t i) const { return gossamer_answer_name(handle_.get(), i); }
  gossamer_tensor tensor(std::size_t i) const {
    gossamer_tensor t{};
    gossamer_error* error = nullptr;
    detail::check(gossamer_answer_tensor(handle_.get(), i, &t, &error), error);
    return t;
  }
  std::span<const std::int64_t> shape(std::size_t i) const {
    const gossamer_tensor t = tensor(i);
    return {t.shape, static_cast<std::size_t>(t.rank)};
  }
  // The elements of output i, whose type must be T.
  template <class T>
  std::span<const T> values(std::size_t i) const {
    const gossamer_tensor t = tensor(i);
    if (t.dtype != detail::dtype_of<T>())
      throw Error(GOSSAMER_USAGE, "the output has another element type", "");
    return {static_cast<const T*>(t.data), t.bytes / sizeof(T)};
  }

 private:
  std::unique_ptr<gossamer_answer, detail::Free<gossamer_answer_free>> handle_;
};

class Model {
 public:
  explicit Model(const std::string& path, const gossamer_operators* operators = nullptr) {
    gossamer_model* model = nullptr;
    gossamer_error* error = nullptr;
    detail::check(gossamer_model_open(path.c_str(), operators, &model, &error), error);
    handle_.reset(model);
  }
  void save(const std::string& path) {
    gossamer_error* error = nullptr;
    detail::check(gossamer_model_save(handle_.get(), path.c_str(), &error), error);
  }
  std::vector<std::string> inputs() const {
    return names(gossamer_model_input_count, gossamer_model_input_name);
  }
  std::vector<std::string> outputs() const {
    return names(gossamer_model_output_count, gossamer_model_output_name);
  }
  gossamer_model* get() const { return handle_.get(); }

 private:
  template <class Count, class Name>
  std::vector<std::string> names(Count count, Name name) const {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < count(handle_.get()); ++i) out.emplace_back(name(handle_.get(), i));
    return out;
  }
  std::unique_ptr<gossamer_model, detail::Free<gossamer_model_free>> handle_;
};

// Default options with their size set.
inline gossamer_options options() {
  gossamer_options o{};
  o.size = sizeof o;
  return o;
}

class Session {
 public:
  explicit Session(const Model& model, const gossamer_options& settings = options()) {
    gossamer_session* session = nullptr;
    gossamer_error* error = nullptr;
    detail::check(gossamer_session_new(model.get(), &settings, &session, &error), error);
    handle_.reset(session);
  }
  // One input for each of the model's, in order.
  Answer run(std::span<const gossamer_tensor> inputs) {
    gossamer_answer* answer = nullptr;
    gossamer_error* error = nullptr;
    detail::check(
        gossamer_session_run(handle_.get(), inputs.data(), inputs.size(), &answer, &error), error);
    return Answer(answer);
  }
  void run_into(std::span<const gossamer_tensor> inputs, std::span<gossamer_output> outputs) {
    gossamer_error* error = nullptr;
    detail::check(gossamer_session_run_into(handle_.get(), inputs.data(), inputs.size(),
                                            outputs.data(), outputs.size(), &error),
                  error);
  }
  void cancel() { gossamer_session_cancel(handle_.get()); }
  gossamer_session* get() const { return handle_.get(); }

 private:
  std::unique_ptr<gossamer_session, detail::Free<gossamer_session_free>> handle_;
};

}  // namespace goss

#endif  // GOSSAMER_GOSSAMER_HPP
