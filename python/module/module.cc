// The extension module gossamer._core: what the classes of gossamer/ are made of.

#include "base/thread_pool.h"
#include "gossamer_version.h"
#include "steps.h"

namespace {

namespace nb = nanobind;
using namespace nb::literals;
using gossamer::python::Flag;
using gossamer::python::Model;
using gossamer::python::Settings;

// A tensor with bytes of its own, whatever happens to the array.
gossamer::Tensor tensor_of(nb::handle object, const char* name) {
  const gossamer::python::Wanted any{"", true, gossamer::DType::f32};
  auto memory = gossamer::python::tensor_memory(object, any, name);
  return gossamer::python::value_over(*std::move(memory)).tensor;
}

Settings settings_of(const nb::dict& options) {
  Settings out;
  const auto get = [&](const char* key) -> nb::object {
    return options.contains(key) ? nb::object(options[key]) : nb::none();
  };
  if (const nb::object v = get("threads"); !v.is_none()) out.session.threads = nb::cast<int>(v);
  if (const nb::object v = get("max_bytes"); !v.is_none())
    out.session.max_bytes = nb::cast<std::int64_t>(v);
  if (const nb::object v = get("keep_tiny"); !v.is_none())
    out.session.flush_denormals = !nb::cast<bool>(v);
  if (const nb::object v = get("dims"); !v.is_none())
    for (const auto& [name, value] : nb::cast<nb::dict>(v))
      out.lower.dims[nb::cast<std::string>(name)] = nb::cast<std::int64_t>(value);
  if (const nb::object v = get("shapes"); !v.is_none())
    for (const auto& [name, value] : nb::cast<nb::dict>(v)) {
      gossamer::Shape shape;
      for (nb::handle extent : value) shape.dims().push_back(nb::cast<std::int64_t>(extent));
      out.lower.shapes[nb::cast<std::string>(name)] = shape;
    }
  if (const nb::object v = get("bind"); !v.is_none())
    for (const auto& [name, value] : nb::cast<nb::dict>(v)) {
      const auto key = nb::cast<std::string>(name);
      out.lower.bound.insert_or_assign(key, tensor_of(value, key.c_str()));
    }
  if (const nb::object v = get("initializers"); !v.is_none())
    for (const auto& [name, value] : nb::cast<nb::dict>(v)) {
      const auto key = nb::cast<std::string>(name);
      out.initializers.insert_or_assign(key, tensor_of(value, key.c_str()));
    }
  return out;
}

}  // namespace

NB_MODULE(_core, m) {
  nb::set_leak_warnings(false);  // models may live as long as the interpreter
  gossamer::runtime::register_operations(gossamer::runtime::library_operations());
  m.attr("version") = GOSSAMER_VERSION;
  m.def("available_cpus", &gossamer::available_cpus);
  m.def("machine", &gossamer::python::machine);
  m.def("finish_work", &gossamer::python::finish_work);

  nb::class_<Flag>(m, "Flag")
      .def(nb::init<>())
      .def_prop_rw(
          "raised", [](const Flag& f) { return f.raised.load(); },
          [](Flag& f, bool v) { f.raised = v; });

  nb::class_<Model>(m, "Model")
      .def_static(
          "open",
          [](const nb::object& source, const nb::dict& options) {
            return Model::open(source, settings_of(options));
          },
          "source"_a, "options"_a)
      .def_prop_ro("is_package", &Model::is_package)
      .def("inputs", &Model::inputs)
      .def("outputs", &Model::outputs)
      .def("defaults", &Model::defaults)
      .def("meta", &Model::meta)
      .def("prepare", &Model::prepare)
      .def("run", &Model::run, "inputs"_a, "out"_a.none(), "overrides"_a, "flag"_a.none(),
           "rows"_a.none())
      .def("bench", &Model::bench, "inputs"_a, "seconds"_a)
      .def("steps", &Model::steps, "inputs"_a, "seconds"_a)
      .def("info", &Model::info)
      .def("written", &Model::written, "optimize"_a, "opset"_a.none(), "path"_a.none())
      .def("compressed", &Model::compressed, "recipe"_a, "samples"_a, "opset"_a.none(),
           "path"_a.none())
      .def("packaged", &Model::packaged, "path"_a.none())
      .def("arena_bytes", &Model::arena_bytes);
}
