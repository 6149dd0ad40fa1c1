// What the C handles hold, and how failures leave through the door.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "door/source.h"
#include "gossamer/gossamer.h"
#include "runtime/session.h"

struct gossamer_error {
  gossamer::Status status;
};

struct gossamer_model {
  std::vector<gossamer::door::Port> inputs, outputs;
  std::unique_ptr<const gossamer::door::Source> source;  // null: a package

  // The program, compiled when first asked for.
  gossamer::Result<std::shared_ptr<const gossamer::runtime::Program>> program();

  std::mutex mutex;
  std::shared_ptr<const gossamer::runtime::Program> compiled;
};

struct gossamer_pool {
  std::shared_ptr<gossamer::runtime::Pool> pool = std::make_shared<gossamer::runtime::Pool>();
};

struct gossamer_session {
  std::unique_ptr<gossamer::runtime::Session> session;
  std::vector<std::string> outputs;  // names
  gossamer_options options{};
  std::atomic<bool> cancelled{false};

  // Of the run under way; kept between runs, so that a run allocates nothing.
  std::mutex mutex;
  std::vector<gossamer::runtime::RawInput> raw_inputs;
  std::vector<gossamer::runtime::RawOutput> raw_outputs;
  std::vector<gossamer::runtime::StepTime> times;
};

struct gossamer_answer {
  std::vector<gossamer::door::NamedValue> values;
};

namespace gossamer::door {

gossamer_code code_of(const Status& status);
// Stores the error when the caller wants it; gives its code.
gossamer_code report(Status status, gossamer_error** error);
// The view of a numeric tensor; false for strings and for element types without a number in the
// door.
bool view(const Tensor& t, gossamer_tensor* out);
// The caller's tensor, checked against shape and element type: its bytes borrowed where they are
// aligned, else copied. `name` is for messages.
Result<Tensor> tensor_of(const gossamer_tensor& view, const std::string& name);

// Runs `f`, which gives a Status; nothing is thrown across the door.
template <class F>
gossamer_code guarded(gossamer_error** error, F&& f) {
  if (error) *error = nullptr;
  try {
    return report(f(), error);
  } catch (const std::bad_alloc&) {
    return GOSSAMER_LIMIT;
  } catch (...) {
    return GOSSAMER_INTERNAL;
  }
}

// Gives a released handle back to the owner that destroys it.
template <class T>
void destroy(T* handle) {
  const std::unique_ptr<T> owner(handle);
}

}  // namespace gossamer::door
