// What the C handles hold, and how failures leave through the door.
#pragma once

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "gossamer/gossamer.h"
#include "onnx/bind.h"
#include "primitives/host.h"

struct gossamer_error {
  gossamer::Status status;
};

struct gossamer_operators {
  gossamer::HostOperators operators;
};

struct gossamer_model {
  std::shared_ptr<const gossamer::onnx::Model> model;
  std::shared_ptr<const gossamer::HostOperators> operators;
  std::vector<std::string> inputs, outputs;
};

struct gossamer_answer {
  std::vector<gossamer::onnx::NamedValue> values;
};

// Either the shape rule's context or the function's is set.
struct gossamer_call {
  const std::vector<gossamer::NamedAttribute>* attributes = nullptr;
  gossamer::InferContext* infer = nullptr;
  gossamer::Context* run = nullptr;
  gossamer::Status failure;
};

namespace gossamer::door {

gossamer_code code_of(const Status& status);
// Stores the error when the caller wants it; gives its code.
gossamer_code report(Status status, gossamer_error** error);
// The view of a numeric tensor; false for strings and for element types without a number in the
// door.
bool view(const Tensor& t, gossamer_tensor* out);

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

}  // namespace gossamer::door
