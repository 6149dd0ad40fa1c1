// What the handles of the whole library hold: operators of the host and calls of them.
#pragma once

#include "door/handles.h"
#include "primitives/host.h"

struct gossamer_operators {
  gossamer::HostOperators operators;
};

// Either the shape rule's context or the function's is set.
struct gossamer_call {
  const std::vector<gossamer::NamedAttribute>* attributes = nullptr;
  gossamer::InferContext* infer = nullptr;
  gossamer::Context* run = nullptr;
  gossamer::Status failure;
};
