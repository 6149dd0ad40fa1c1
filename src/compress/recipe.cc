// Reads a recipe, YAML, into the steps that it names.
#include "compress/recipe.h"

#include <algorithm>
#include <limits>

#include "base/mapped_file.h"

namespace gossamer::compress {
namespace {

using samples::ImageSize;
using samples::ImageSpec;
using samples::InputSpec;

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

std::span<const std::string_view> names_of(samples::ColorOrder) {
  static constexpr std::array<std::string_view, 3> kNames{"rgb", "bgr", "gray"};
  return kNames;
}
std::span<const std::string_view> names_of(samples::ImageLayout) {
  static constexpr std::array<std::string_view, 2> kNames{"nchw", "nhwc"};
  return kNames;
}

// "224" or "[224, 320]": height and width.
std::optional<ImageSize> read_size(Fields& f, std::string_view key) {
  std::vector<double> sides;
  f.read(key, sides);
  if (sides.empty()) return std::nullopt;
  const auto good = [](double v) {
    return v >= 1 && v <= 65536 && v == static_cast<std::int64_t>(v);
  };
  if (sides.size() > 2 || !std::all_of(sides.begin(), sides.end(), good)) {
    f.fail(f.node(key),
           "'" + std::string(key) + "' must be a number of pixels, or [height, width]");
    return std::nullopt;
  }
  return ImageSize{static_cast<std::int64_t>(sides[0]), static_cast<std::int64_t>(sides.back())};
}

Status read_image_spec(const YAML::Node& node, const std::string& what, ImageSpec& out) {
  Fields f(node, what);
  if (const YAML::Node size = f.node("resize"); size.IsDefined()) {
    const auto sides = read_size(f, "resize");
    if (sides && size.IsScalar()) out.shorter_side = sides->height;
    if (sides && !size.IsScalar()) out.size = sides;
  }
  out.crop = read_size(f, "crop");
  std::string order(names_of(out.channels)[0]), layout(names_of(out.layout)[0]);
  f.read("channels", order);
  f.read("layout", layout);
  const auto pick = [&](auto& to, const std::string& name, std::string_view key) {
    const auto names = names_of(to);
    const auto it = std::find(names.begin(), names.end(), name);
    if (it == names.end()) return f.fail(f.node(key), "'" + name + "' is no " + std::string(key));
    to = static_cast<std::remove_reference_t<decltype(to)>>(it - names.begin());
  };
  pick(out.channels, order, "channels");
  pick(out.layout, layout, "layout");
  f.read("scale", out.scale, -1e30, 1e30);
  f.read("mean", out.mean);
  f.read("std", out.deviation);
  const std::size_t channels = out.channels == samples::ColorOrder::gray ? 1 : 3;
  for (const auto* v : {&out.mean, &out.deviation})
    if (!v->empty() && v->size() != 1 && v->size() != channels)
      f.fail(node, "mean and std take one number, or one a channel");
  if (std::find(out.deviation.begin(), out.deviation.end(), 0.0) != out.deviation.end())
    f.fail(node, "std must not be 0");
  std::vector<double> background;
  f.read("background", background);
  if (!background.empty() && background.size() != 3)
    f.fail(node, "'background' is [red, green, blue]");
  for (std::size_t c = 0; c < background.size() && c < 3; ++c)
    out.background[c] = static_cast<std::uint8_t>(std::clamp(background[c], 0.0, 255.0));
  return f.finish();
}

Status read_input(const YAML::Node& node, const std::string& name, InputSpec& out) {
  Fields f(node, "input '" + name + "'");
  const YAML::Node image = f.node("image"), audio = f.node("audio"), value = f.node("value");
  if (image.IsDefined() + audio.IsDefined() + value.IsDefined() != 1)
    f.fail(node, f.what() + " is one of image, audio and value");
  TRY(f.finish());
  if (image.IsDefined()) {
    out.kind = InputSpec::Kind::image;
    return read_image_spec(image, "the image of " + f.what(), out.image);
  }
  if (audio.IsDefined()) {
    out.kind = InputSpec::Kind::audio;
    Fields a(audio, "the audio of " + f.what());
    a.read("rate", out.audio.rate, 0, 1'000'000);
    a.read("frame", out.audio.frame, 0, 1 << 28);
    a.read("hop", out.audio.hop, 0, 1 << 28);
    return a.finish();
  }
  out.kind = InputSpec::Kind::constant;
  Fields v(node, f.what());
  std::int64_t whole = 0;
  double number = 0;
  const bool is_whole = value.IsScalar() && YAML::convert<std::int64_t>::decode(value, whole);
  if (!is_whole && !(value.IsScalar() && YAML::convert<double>::decode(value, number)))
    return usage_error(at_line(value, "'value' must be a number"));
  out.constant = is_whole ? Tensor::scalar(whole) : Tensor::scalar(static_cast<float>(number));
  return {};
}

Status read_samples(const YAML::Node& node, samples::SampleSpec& out) {
  Fields f(node, "samples");
  f.read("include", out.include);
  f.read("except", out.exclude);
  f.read("skip", out.skip, 0, kMax);
  if (f.has("count")) f.read("count", out.count.emplace(1), 1, kMax);
  if (f.has("shuffle")) {
    std::int64_t seed = 0;
    f.read("shuffle", seed, 0, kMax);
    out.shuffle = static_cast<std::uint64_t>(seed);
  }
  std::string labels = "none";
  f.read("labels", labels);
  out.labels = labels == "none"     ? samples::Labels::none
               : labels == "folder" ? samples::Labels::folder
                                    : samples::Labels::file;
  if (out.labels == samples::Labels::file) out.label_file = labels;
  const YAML::Node inputs = f.node("inputs"), carry = f.node("carry");
  TRY(f.finish());
  if (inputs.IsDefined() && !inputs.IsMap())
    return usage_error(at_line(inputs, "'inputs' must be a map from names of inputs"));
  for (const auto& input : inputs)
    TRY(read_input(input.second, input.first.Scalar(), out.inputs[input.first.Scalar()]));
  if (carry.IsDefined() && !carry.IsMap())
    return usage_error(at_line(carry, "'carry' must be a map from inputs to outputs"));
  for (const auto& pair : carry) out.carry[pair.first.Scalar()] = pair.second.Scalar();
  return {};
}

Result<NamedStep> read_step(const YAML::Node& node) {
  std::string name;
  YAML::Node fields;
  if (node.IsScalar()) {
    name = node.Scalar();
  } else if (node.IsMap() && node.size() == 1) {
    name = node.begin()->first.Scalar();
    fields = node.begin()->second;
  } else {
    return usage_error(at_line(node, "a step is its name, or its name with its fields"));
  }
  std::string known;
  for (const StepInfo& info : all_steps()) {
    known += (known.empty() ? "" : ", ") + std::string(info.name);
    if (info.name != name) continue;
    Fields f(fields, "step " + name);
    ASSIGN(StepPtr step, info.parse(f));
    TRY(f.finish());
    return NamedStep{name, std::move(step)};
  }
  return usage_error(at_line(node, "there is no step '" + name + "'"), "steps are " + known);
}

Result<Recipe> read_map(const YAML::Node& root, std::string_view text, bool only_samples) {
  Recipe out;
  out.text = text;
  Fields f(root, "the recipe");
  std::int64_t version = 1;
  f.read("version", version, 1, 1);
  const YAML::Node samples = f.node("samples"), steps = f.node("steps");
  TRY(f.finish());
  if (samples.IsDefined()) TRY(read_samples(samples, out.samples));
  if (only_samples) return out;
  if (!steps.IsSequence() || steps.size() == 0)
    return usage_error("the recipe has no steps", "give a list: 'steps: [quantize]'");
  for (const YAML::Node& node : steps) {
    ASSIGN(NamedStep step, read_step(node));
    out.steps.push_back(std::move(step));
  }
  return out;
}

Result<Recipe> parse(std::string_view text, bool only_samples) {
  constexpr std::size_t kMaxBytes = 1 << 20;
  if (text.size() > kMaxBytes) return limit_error("a recipe of more than 1 MiB");
  try {  // yaml-cpp reports by exceptions; none leaves this function
    return read_map(YAML::Load(std::string(text)), text, only_samples);
  } catch (const YAML::Exception& e) {
    return usage_error("line " + std::to_string(e.mark.line + 1) + ": " + e.msg);
  }
}

}  // namespace

bool Recipe::needs_samples() const {
  return std::any_of(steps.begin(), steps.end(),
                     [](const NamedStep& s) { return s.step->needs_samples(); });
}

Result<Recipe> parse_recipe(std::string_view text) { return parse(text, false); }

Result<Recipe> read_recipe(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Recipe> recipe = parse_recipe(file.text());
  if (!recipe.ok()) return std::move(recipe).status().in(path);
  return recipe;
}

Result<samples::SampleSpec> read_sample_spec(const std::string& path) {
  ASSIGN(const MappedFile file, MappedFile::open(path));
  Result<Recipe> recipe = parse(file.text(), true);
  if (!recipe.ok()) return std::move(recipe).status().in(path);
  return std::move(recipe->samples);
}

}  // namespace gossamer::compress
