// A model as Python holds it: read once, compiled when it is first needed, run by as many threads
// as call it. What Python's classes of gossamer/ are built on.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "interrupt.h"
#include "onnx/lower.h"
#include "package/package.h"
#include "runtime/session.h"
#include "values.h"

namespace gossamer::python {

// How a model is compiled and run; fixed when it is opened.
struct Settings {
  runtime::SessionOptions session;
  onnx::LowerOptions lower;
  std::map<std::string, Tensor> initializers;  // in the place of the model's own
};

// A program and the sessions that wait for the next call. Only touched with the interpreter's lock
// held, so that a fork finds it whole.
struct Ready {
  Ready(std::shared_ptr<const runtime::Program> p, runtime::SessionOptions o);

  std::shared_ptr<const runtime::Program> program;
  runtime::SessionOptions options;
  std::vector<std::unique_ptr<runtime::Session>> idle;
  std::vector<Wanted> inputs;
  bool raw = true;  // all inputs and outputs are tensors of numbers with a known rank
  // Of the last call whose outputs' shapes followed from its inputs'; null before the first.
  struct Shapes {
    std::vector<Shape> inputs, outputs;
  };
  std::shared_ptr<const Shapes> last;
};

// A session for the length of a call.
class Borrowed {
 public:
  explicit Borrowed(std::shared_ptr<Ready> ready);
  ~Borrowed();
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

  runtime::Session& operator*() const { return *session_; }
  runtime::Session* operator->() const { return session_.get(); }

 private:
  std::shared_ptr<Ready> ready_;
  std::unique_ptr<runtime::Session> session_;
};

// What was given for an input: memory of numbers, or else a value.
struct Operand {
  std::optional<Memory> memory;
  Value value;
};

class Model : public std::enable_shared_from_this<Model> {
 public:
  // Reads the file (a package or ONNX) or the bytes.
  static std::shared_ptr<Model> open(const nb::object& source, Settings settings);
  explicit Model(Settings settings) : settings_(std::move(settings)) {}

  bool is_package() const { return package_ != nullptr; }
  // (name, type, shape) an input or output; extents are int, str or None, an unknown shape is None.
  nb::list inputs() const;
  nb::list outputs() const;
  nb::list defaults() const;  // inputs that an initializer stands in for
  // What the file says of itself.
  nb::dict meta() const;
  // Compiles; without it the first run does.
  void prepare();

  // One object an input, None where an optional one is left out; `out` is None or has an array or
  // None for each output; `overrides` has values for inputs that an initializer stands in for.
  // `flag` may be null; `rows` is None or a list that gets a dict for every step.
  nb::list run(const nb::list& inputs, const nb::object& out, const nb::dict& overrides, Flag* flag,
               const nb::object& rows);
  nb::dict bench(const nb::list& inputs, double seconds);
  // Every step's time, work, weights and memory (steps.h).
  nb::dict steps(const nb::list& inputs, double seconds);

  nb::dict info();
  // Writes the graph, optimized or as it is, as ONNX to the path, or gives its bytes.
  nb::object written(bool optimize, const nb::object& opset, const nb::object& path);
  // Applies a recipe (its text) with the samples of a folder, "" for none; writes the model as
  // ONNX. Gives "model", its bytes without a path, and what was done.
  nb::dict compressed(const std::string& recipe, const std::string& samples,
                      const nb::object& opset, const nb::object& path);
  // The same as `written` for the compiled package.
  nb::object packaged(const nb::object& path);
  std::int64_t arena_bytes() const;

 private:
  Status read(const std::string& path, std::shared_ptr<const void> owner,
              std::span<const std::byte> bytes);
  void keep_infos(const onnx::Model& model);
  // The model as read, again from its path if it was dropped.
  Result<std::shared_ptr<const onnx::Model>> source() const;
  Status build();
  std::shared_ptr<Ready> ready_for(const nb::list& inputs, const nb::dict& overrides);
  std::map<std::string, Value> feeds(const nb::list& inputs, const nb::dict& overrides) const;
  nb::list remaining(const Ready& ready, const nb::list& inputs) const;
  std::string key_of(const std::map<std::string, Value>& feeds) const;
  std::shared_ptr<Ready> specialized(const std::map<std::string, Value>& feeds);
  nb::list port_list(const std::vector<onnx::ValueInfo>& infos, bool outputs) const;

  Settings settings_;
  std::string path_;                           // empty: from memory
  std::shared_ptr<const onnx::Model> model_;   // dropped once compiled, where a path has it
  std::unique_ptr<package::Package> package_;  // of a package
  std::vector<onnx::ValueInfo> inputs_, outputs_, defaults_;

  std::mutex building_;  // one thread compiles, the others wait
  std::shared_ptr<const runtime::Program> program_;
  bool depends_ = false;  // on values or shapes of inputs: no program for all of them
  std::shared_ptr<Ready> ready_;
  // Programs for some values of inputs, last used first.
  std::vector<std::pair<std::string, std::shared_ptr<Ready>>> specialized_;
  std::set<std::string> shaped_, bound_;  // inputs whose shapes matter, whose values do
};

// How a run ends early, and who wants to know its steps' times (may be null).
struct Call {
  Flag& flag;
  std::vector<runtime::StepTime>* times = nullptr;
};
// Runs `once` without the interpreter's lock, again when a signal ended it and Python's handler let
// it go on.
Status run_guarded(const Call& call, const std::function<Status(const runtime::RunOptions&)>& once);
// The inputs as the program wants them.
std::vector<Operand> operands(const Ready& ready, const nb::list& inputs);
std::vector<Value> values_of(std::vector<Operand>& given);
// Whether extents that the model gives one symbol are equal.
bool shares_symbols(const runtime::Program& program, const std::vector<Operand>& given);
nb::list run_program(const std::shared_ptr<Ready>& ready, std::vector<Operand> given,
                     const nb::object& out, const Call& call);
// (name, type, shape) of a port.
nb::tuple port_tuple(const std::string& name, const std::string& type, const nb::object& shape);

}  // namespace gossamer::python
