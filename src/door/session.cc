// The C door to sessions: options, runs, cancelling, shared memory.
#include <algorithm>
#include <cstring>

#include "door/handles.h"

namespace gossamer::door {
namespace {

using runtime::Session;
using runtime::SessionOptions;

// The caller's options, as far as its version knows them.
Result<gossamer_options> read_options(const gossamer_options* given) {
  gossamer_options options{};
  if (!given) return options;
  if (given->size < sizeof(std::size_t))
    return usage_error("gossamer_options::size is not set", "set it to sizeof(gossamer_options)");
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  if (options.threads < 0 || options.max_bytes < 0)
    return usage_error("threads and max_bytes are not negative");
  if (!options.allocate != !options.release)
    return usage_error("allocate and release go together", "set both or neither");
  if (options.allocate && options.pool)
    return usage_error("a pool has memory of its own", "set either pool or allocate and release");
  return options;
}

Result<SessionOptions> session_options(const gossamer_options& o) {
  SessionOptions out;
  out.threads = o.threads;
  out.flush_denormals = o.keep_tiny == 0;
  if (o.level) {
    const std::optional<Level> level = level_of(o.level);
    if (!level) return usage_error("level '" + std::string(o.level) + "' is none of v2, v3, v4");
    if (*level > cpu_level())
      return unsupported("this machine does not have level " + std::string(o.level),
                         "leave the level out");
    out.level = *level;
  }
  if (o.max_bytes > 0) out.max_bytes = o.max_bytes;
  if (o.pool) out.pool = o.pool->pool;
  out.memory = {o.allocate, o.release, o.user};
  return out;
}

void log_opening(const gossamer_options& o, const Session& session) {
  if (!o.log) return;
  const runtime::Program& program = session.program();
  const auto scalar =
      std::count_if(program.steps.begin(), program.steps.end(),
                    [](const runtime::Step& s) { return !s.operation->is_kernel(); });
  const std::string line = "opened '" + program.name +
                           "': " + std::to_string(program.steps.size()) + " steps, " +
                           std::to_string(scalar) + " of them by scalar code";
  o.log(line.c_str(), o.user);
}

Status open(gossamer_model& model, const gossamer_options* given, gossamer_session** out) {
  ASSIGN(const gossamer_options options, read_options(given));
  ASSIGN(SessionOptions session_settings, session_options(options));
  ASSIGN(auto program, model.program());
  auto handle = std::make_unique<gossamer_session>();
  ASSIGN(handle->session, Session::open(std::move(program), std::move(session_settings)));
  handle->options = options;
  for (const Port& p : model.outputs) handle->outputs.push_back(p.name);
  log_opening(options, *handle->session);
  *out = handle.release();
  return {};
}

// Runs `f` with the options of one run, then tells the profile.
template <class F>
Status with_profile(gossamer_session& s, F&& f) {
  s.cancelled = false;
  runtime::RunOptions run;
  run.cancelled = &s.cancelled;
  s.times.clear();
  if (s.options.profile) run.profile = &s.times;
  TRY(f(run));
  for (const runtime::StepTime& t : s.times)
    s.options.profile(t.step->name.c_str(), std::string(t.step->operation->name).c_str(),
                      t.start_ns, t.start_ns + t.ns, s.options.user);
  return {};
}

std::string input_name(const Session& session, std::size_t i) {
  return session.program().inputs[i].name;
}

Status run(gossamer_session& s, const gossamer_tensor* inputs, std::size_t count,
           gossamer_answer** answer) {
  if (count != s.session->program().inputs.size())
    return usage_error("the model has " + std::to_string(s.session->program().inputs.size()) +
                       " inputs, " + std::to_string(count) + " were given");
  std::vector<Value> values;
  for (std::size_t i = 0; i < count; ++i) {
    ASSIGN(Tensor t, tensor_of(inputs[i], input_name(*s.session, i)));
    values.emplace_back(std::move(t));
  }
  const std::lock_guard lock(s.mutex);
  auto out = std::make_unique<gossamer_answer>();
  const auto once = [&](const runtime::RunOptions& options) -> Status {
    ASSIGN(std::vector<Value> results, s.session->run(values, options));
    for (std::size_t i = 0; i < results.size(); ++i)
      out->values.push_back({s.outputs[i], std::move(results[i])});
    return {};
  };
  TRY(with_profile(s, once));
  // What the caller lent must not be part of what it gets: an output may be an input passed on.
  for (NamedValue& v : out->values)
    for (const Value& given : values)
      if (v.value.is_tensor() && v.value.tensor.data() == given.tensor.data() &&
          v.value.tensor.byte_size() > 0) {
        ASSIGN(Tensor copy,
               Tensor::make_uninitialized(v.value.tensor.dtype(), v.value.tensor.shape()));
        std::memcpy(copy.mutable_data(), given.tensor.data(), copy.byte_size());
        v.value = Value(std::move(copy));
      }
  *answer = out.release();
  return {};
}

Status set_inputs(gossamer_session& s, const gossamer_tensor* inputs, std::size_t count) {
  s.raw_inputs.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const gossamer_tensor& t = inputs[i];
    const std::optional<DType> dtype = dtype_from_onnx(t.dtype);
    const auto wrong = [&](const char* what) {
      return usage_error("input '" + input_name(*s.session, i) + "' " + what);
    };
    if (!dtype || *dtype == DType::string || t.rank < 0 || t.rank > kMaxRank ||
        (t.rank > 0 && !t.shape))
      return wrong("has no valid element type or shape");
    std::optional<std::int64_t> bytes = static_cast<std::int64_t>(dtype_size(*dtype));
    for (std::int32_t d = 0; d < t.rank && bytes; ++d)
      bytes = t.shape[d] < 0 ? std::nullopt : checked_mul(*bytes, t.shape[d]);
    if (!bytes || static_cast<std::size_t>(*bytes) != t.bytes || (t.bytes > 0 && !t.data))
      return wrong("has not the bytes that its type needs");
    s.raw_inputs[i] = {*dtype, {t.shape, static_cast<std::size_t>(t.rank)}, t.data};
  }
  return {};
}

void set_outputs(gossamer_session& s, const gossamer_output* outputs, std::size_t count) {
  s.raw_outputs.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    s.raw_outputs[i].data = outputs[i].data;
    s.raw_outputs[i].rank = -1;
    constexpr std::size_t kMost = std::size_t{1} << 62;
    s.raw_outputs[i].capacity =
        outputs[i].data ? static_cast<std::int64_t>(std::min(outputs[i].capacity, kMost)) : 0;
  }
}

// Tells the caller what its outputs are, as far as it is known.
void tell_outputs(const gossamer_session& s, gossamer_output* outputs) {
  for (std::size_t i = 0; i < s.raw_outputs.size(); ++i) {
    const runtime::RawOutput& from = s.raw_outputs[i];
    if (from.rank < 0) continue;
    std::int64_t bytes = static_cast<std::int64_t>(dtype_size(from.dtype));
    for (int d = 0; d < from.rank; ++d) bytes *= from.extents[static_cast<std::size_t>(d)];
    outputs[i].dtype = static_cast<gossamer_dtype>(dtype_info(from.dtype).onnx_code);
    outputs[i].rank = from.rank;
    outputs[i].bytes = static_cast<std::size_t>(bytes);
    std::copy_n(from.extents.begin(), from.rank, outputs[i].shape);
  }
}

Status run_into(gossamer_session& s, const gossamer_tensor* inputs, std::size_t input_count,
                gossamer_output* outputs, std::size_t output_count) {
  const runtime::Program& program = s.session->program();
  if (input_count != program.inputs.size() || output_count != program.outputs.size())
    return usage_error("the model has " + std::to_string(program.inputs.size()) + " inputs and " +
                       std::to_string(program.outputs.size()) + " outputs");
  const std::lock_guard lock(s.mutex);
  TRY(set_inputs(s, inputs, input_count));
  set_outputs(s, outputs, output_count);
  const auto once = [&](const runtime::RunOptions& options) {
    return s.session->run_into(s.raw_inputs, s.raw_outputs, options);
  };
  Status status = with_profile(s, once);
  tell_outputs(s, outputs);
  return status;
}

}  // namespace
}  // namespace gossamer::door

namespace door = gossamer::door;

gossamer_code gossamer_session_new(gossamer_model* model, const gossamer_options* options,
                                   gossamer_session** session, gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!model || !session) return gossamer::usage_error("an argument is NULL");
    *session = nullptr;
    return door::open(*model, options, session);
  });
}
void gossamer_session_free(gossamer_session* session) { door::destroy(session); }

gossamer_code gossamer_session_run(gossamer_session* session, const gossamer_tensor* inputs,
                                   std::size_t count, gossamer_answer** answer,
                                   gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!session || !answer || (count > 0 && !inputs))
      return gossamer::usage_error("an argument is NULL");
    *answer = nullptr;
    return door::run(*session, inputs, count, answer);
  });
}
gossamer_code gossamer_session_run_into(gossamer_session* session, const gossamer_tensor* inputs,
                                        std::size_t input_count, gossamer_output* outputs,
                                        std::size_t output_count, gossamer_error** error) {
  return door::guarded(error, [&]() -> gossamer::Status {
    if (!session || (input_count > 0 && !inputs) || (output_count > 0 && !outputs))
      return gossamer::usage_error("an argument is NULL");
    return door::run_into(*session, inputs, input_count, outputs, output_count);
  });
}
void gossamer_session_cancel(gossamer_session* session) {
  if (session) session->cancelled = true;
}
std::int64_t gossamer_session_bytes(const gossamer_session* session) {
  return session->session->arena_bytes();
}

gossamer_pool* gossamer_pool_new(void) {
  try {
    return std::make_unique<gossamer_pool>().release();
  } catch (...) {
    return nullptr;
  }
}
void gossamer_pool_free(gossamer_pool* pool) { door::destroy(pool); }
std::int64_t gossamer_pool_bytes(const gossamer_pool* pool) { return pool->pool->bytes(); }
