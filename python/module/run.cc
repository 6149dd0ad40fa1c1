// Calls: inputs borrowed, outputs written into numpy's memory, without the interpreter's lock.
#include <algorithm>
#include <cstring>
#include <utility>

#include "measure/bench.h"
#include "steps.h"

namespace gossamer::python {
namespace {

// The caller's array for an output: `memory` looks into it.
void borrow_output(const nb::object& array, const runtime::Port& port, Memory& memory) {
  if (memory.borrow(array, true)) return;
  const nb::tuple parts = nb::cast<nb::tuple>(helper("writable")(array, port.name));
  if (!memory.borrow(parts[0], true))
    fail(usage_error("the array for output '" + port.name + "' is no dense, writable array"));
  const std::optional<DType> dtype = dtype_from_name(nb::cast<std::string>(parts[1]));
  if (dtype && dtype_size(*dtype) == dtype_size(memory.dtype())) memory.set_dtype(*dtype);
}

void check_output(const Memory& memory, DType dtype, std::span<const std::int64_t> extents,
                  const runtime::Port& port) {
  const auto given = memory.extents();
  if (memory.dtype() == dtype &&
      std::equal(given.begin(), given.end(), extents.begin(), extents.end()))
    return;
  fail(usage_error("the array for output '" + port.name + "' is " +
                       std::string(dtype_name(memory.dtype())) + Shape(given).to_string() +
                       ", the output is " + std::string(dtype_name(dtype)) +
                       Shape(extents).to_string(),
                   "give an array of that type and shape, or none"));
}

bool overlap(const Memory& a, const Memory& b) {
  const auto* x = static_cast<const std::byte*>(a.data());
  const auto* y = static_cast<const std::byte*>(b.data());
  return x < y + b.bytes() && y < x + a.bytes();
}

bool same_shapes(const std::vector<Operand>& given, const std::vector<Shape>& shapes) {
  if (given.size() != shapes.size()) return false;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const auto extents = given[i].memory->extents();
    if (!std::equal(extents.begin(), extents.end(), shapes[i].begin(), shapes[i].end()))
      return false;
  }
  return true;
}

// The outputs' shapes for these inputs; null when only the run can tell.
std::shared_ptr<const Ready::Shapes> find_shapes(Ready& ready, runtime::Session& session,
                                                 const std::vector<Operand>& given) {
  if (ready.last && same_shapes(given, ready.last->inputs)) return ready.last;
  std::vector<Shape> shapes;
  shapes.reserve(given.size());
  for (const Operand& o : given) shapes.emplace_back(o.memory->extents());
  Result<std::shared_ptr<const runtime::Plan>> plan = usage_error("");
  {
    const nb::gil_scoped_release release;
    plan = session.plan(shapes);
  }
  const auto found = take(std::move(plan));
  std::vector<Shape> outputs;
  for (const std::optional<Shape>& s : found->outputs) {
    if (!s) return nullptr;
    outputs.push_back(*s);
  }
  ready.last =
      std::make_shared<const Ready::Shapes>(Ready::Shapes{std::move(shapes), std::move(outputs)});
  return ready.last;
}

nb::list run_raw(const runtime::Program& program, runtime::Session& session,
                 const std::vector<Operand>& given, std::span<const Shape> shapes,
                 const nb::object& out, const Call& call) {
  const std::size_t count = program.outputs.size();
  std::vector<runtime::RawInput> inputs(given.size());
  for (std::size_t i = 0; i < given.size(); ++i)
    inputs[i] = {given[i].memory->dtype(), given[i].memory->extents(), given[i].memory->data()};
  std::vector<runtime::RawOutput> outputs(count);
  std::vector<Memory> memories(count);
  nb::list results;
  for (std::size_t i = 0; i < count; ++i) {
    const runtime::Port& port = program.outputs[i];
    const DType dtype = program.slots[static_cast<std::size_t>(port.slot)].dtype;
    const auto& extents = shapes[i].dims();
    const nb::object wanted = out.is_none() ? nb::none() : nb::object(out[i]);
    if (wanted.is_none()) {
      results.append(new_array(dtype, extents, memories[i]));
    } else {
      borrow_output(wanted, port, memories[i]);
      check_output(memories[i], dtype, extents, port);
      for (const Operand& o : given)
        if (overlap(*o.memory, memories[i]))
          fail(usage_error("the array for output '" + port.name + "' overlaps an input"));
      results.append(wanted);
    }
    outputs[i].data = memories[i].data();
    outputs[i].capacity = memories[i].bytes();
  }
  check(run_guarded(call, [&](const runtime::RunOptions& options) {
    return session.run_into(inputs, outputs, options);
  }));
  for (std::size_t i = 0; i < count; ++i) {
    const runtime::Port& port = program.outputs[i];
    memories[i] = Memory();
    if (out.is_none() || nb::object(out[i]).is_none())
      results[i] = finished(nb::object(results[i]),
                            program.slots[static_cast<std::size_t>(port.slot)].dtype);
  }
  return results;
}

// Copies an answer into the caller's array.
void fill(const nb::object& array, const Value& value, const runtime::Port& port) {
  if (!value.is_tensor() || value.tensor.dtype() == DType::string)
    fail(usage_error("output '" + port.name + "' is " + port.type + ", which fills no array"));
  Memory memory;
  borrow_output(array, port, memory);
  check_output(memory, value.tensor.dtype(), value.tensor.shape().dims(), port);
  if (value.tensor.byte_size() > 0)
    std::memcpy(memory.data(), value.tensor.data(), value.tensor.byte_size());
}

nb::list run_values(const Ready& ready, runtime::Session& session, std::vector<Operand>& given,
                    const nb::object& out, const Call& call) {
  const std::vector<Value> inputs = values_of(given);
  std::vector<Value> values;
  check(run_guarded(call, [&](const runtime::RunOptions& options) -> Status {
    ASSIGN(values, session.run(inputs, options));
    return {};
  }));
  nb::list results;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const nb::object wanted = out.is_none() ? nb::none() : nb::object(out[i]);
    if (!wanted.is_none()) fill(wanted, values[i], ready.program->outputs[i]);
    results.append(wanted.is_none() ? object_of(values[i]) : wanted);
  }
  return results;
}

}  // namespace

Status run_guarded(const Call& call,
                   const std::function<Status(const runtime::RunOptions&)>& once) {
  for (;;) {
    Status status;
    bool by_signal = false;
    {
      RunGuard guard(call.flag);
      const nb::gil_scoped_release release;
      runtime::RunOptions options;
      options.cancelled = &call.flag.raised;
      options.profile = call.times;
      status = once(options);
      by_signal = guard.interrupted();
    }
    if (by_signal) call.flag.raised = false;
    if (by_signal && PyErr_CheckSignals() != 0) throw nb::python_error();
    if (!by_signal || status.code() != Code::interrupted) return status;
  }
}

std::vector<Operand> operands(const Ready& ready, const nb::list& inputs) {
  const auto& ports = ready.program->inputs;
  if (inputs.size() != ports.size())
    fail(usage_error("the model takes " + std::to_string(ports.size()) + " inputs, " +
                     std::to_string(inputs.size()) + " were given"));
  std::vector<Operand> out(ports.size());
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const Wanted& wanted = ready.inputs[i];
    const char* name = ports[i].name.c_str();
    if (wanted.is_tensor && wanted.dtype != DType::string)
      out[i].memory = tensor_memory(inputs[i], wanted, name);
    else
      out[i].value = value_of(inputs[i], wanted, name);
  }
  return out;
}

std::vector<Value> values_of(std::vector<Operand>& given) {
  std::vector<Value> out;
  out.reserve(given.size());
  for (Operand& o : given)
    out.push_back(o.memory ? value_over(*std::exchange(o.memory, std::nullopt)) : o.value);
  return out;
}

bool shares_symbols(const runtime::Program& program, const std::vector<Operand>& given) {
  const auto extent = [&](runtime::Register r) -> std::optional<std::int64_t> {
    const runtime::ShapeInstruction& in = program.shape_program[static_cast<std::size_t>(r)];
    if (in.op != runtime::ShapeOp::input_extent) return std::nullopt;
    const Operand& operand = given[static_cast<std::size_t>(in.a)];
    if (!operand.memory) return std::nullopt;
    const auto extents = operand.memory->extents();
    const auto axis = static_cast<std::size_t>(in.b);
    return axis < extents.size() ? std::optional(extents[axis]) : std::nullopt;
  };
  return std::all_of(program.equal_extents.begin(), program.equal_extents.end(),
                     [&](const auto& pair) {
                       const auto a = extent(pair.first), b = extent(pair.second);
                       return !a || !b || *a == *b;
                     });
}

nb::list run_program(const std::shared_ptr<Ready>& ready, std::vector<Operand> given,
                     const nb::object& out, const Call& call) {
  if (!out.is_none() && nb::len(out) != ready->program->outputs.size())
    fail(usage_error("the model gives " + std::to_string(ready->program->outputs.size()) +
                     " outputs, arrays for " + std::to_string(nb::len(out)) + " were given"));
  const Borrowed session(ready);
  if (ready->raw)
    if (const auto shapes = find_shapes(*ready, *session, given))
      return run_raw(*ready->program, *session, given, shapes->outputs, out, call);
  return run_values(*ready, *session, given, out, call);
}

namespace {

void append_rows(nb::list rows, const std::vector<runtime::StepTime>& times) {
  constexpr double kMilli = 1e-6;  // of a nanosecond
  for (const runtime::StepTime& t : times) {
    nb::dict row;
    row["step"] = t.step->name;
    row["operation"] = std::string(t.step->operation->name);
    row["kernel"] = t.step->operation->is_kernel();
    row["depth"] = t.depth;
    row["start_ms"] = static_cast<double>(t.start_ns) * kMilli;
    row["ms"] = static_cast<double>(t.ns) * kMilli;
    row["threads"] = t.parts;
    row["flops"] = t.flops;
    row["bytes"] = t.bytes;
    rows.append(row);
  }
}

}  // namespace

// What the program still takes: one for some values of inputs has those as constants.
nb::list Model::remaining(const Ready& ready, const nb::list& inputs) const {
  // As a rule that is all of them.
  if (ready.program->inputs.size() == inputs.size() || package_) return inputs;
  nb::list out;
  for (const runtime::Port& port : ready.program->inputs)
    for (std::size_t i = 0; i < inputs_.size() && i < inputs.size(); ++i)
      if (inputs_[i].name == port.name) out.append(inputs[i]);
  return out;
}

nb::list Model::run(const nb::list& inputs, const nb::object& out, const nb::dict& overrides,
                    Flag* flag, const nb::object& rows) {
  std::shared_ptr<Ready> ready = ready_for(inputs, overrides);
  std::vector<Operand> given = operands(*ready, remaining(*ready, inputs));
  if (ready == ready_ && !package_ && !shares_symbols(*ready->program, given)) {
    // Files give one symbol to extents that differ: a program for these shapes does not mind.
    for (const onnx::ValueInfo& info : inputs_) shaped_.insert(info.name);
    ready = specialized(feeds(inputs, overrides));
    given = operands(*ready, remaining(*ready, inputs));
  }
  Flag own;
  std::vector<runtime::StepTime> times;
  const Call call{flag ? *flag : own, rows.is_none() ? nullptr : &times};
  nb::list results = run_program(ready, std::move(given), out, call);
  if (call.times) append_rows(nb::cast<nb::list>(rows), times);
  return results;
}

nb::dict Model::bench(const nb::list& inputs, double seconds) {
  const std::shared_ptr<Ready> ready = ready_for(inputs, nb::dict());
  std::vector<Operand> given = operands(*ready, remaining(*ready, inputs));
  const std::vector<Value> values = values_of(given);
  const Borrowed session(ready);
  measure::BenchResult r;
  Flag flag;
  runtime::Session* const one = &*session;
  check(run_guarded({flag}, [&](const runtime::RunOptions& options) -> Status {
    ASSIGN(measure::Bench bench, measure::Bench::start({&one, 1}, values, options.cancelled));
    TRY(bench.run_for(seconds, 10));
    r = bench.result();
    return {};
  }));
  nb::dict out;
  out["first_ms"] = r.first;
  out["median_ms"] = r.median;
  out["p95_ms"] = r.p95;
  out["least_ms"] = r.least;
  out["runs"] = r.runs;
  out["threads"] = session->options().threads;
  out["arena_bytes"] = session->arena_bytes();
  return out;
}

nb::dict Model::steps(const nb::list& inputs, double seconds) {
  const std::shared_ptr<Ready> ready = ready_for(inputs, nb::dict());
  return steps_of(ready, operands(*ready, remaining(*ready, inputs)), seconds);
}

std::int64_t Model::arena_bytes() const {
  std::int64_t sum = 0;
  if (ready_)
    for (const auto& session : ready_->idle) sum += session->arena_bytes();
  for (const auto& [key, ready] : specialized_)
    for (const auto& session : ready->idle) sum += session->arena_bytes();
  return sum;
}

}  // namespace gossamer::python
