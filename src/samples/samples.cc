// Reads the samples of a folder, a list or an archive one after another, in a seeded order.
#include "samples/samples.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "base/npy.h"
#include "base/npz.h"
#include "samples/audio.h"
#include "samples/image.h"
#include "samples/table.h"

namespace gossamer::samples {
namespace {

namespace fs = std::filesystem;

enum class FileKind : std::uint8_t { other, npy, npz, image, audio, table };

FileKind kind_of(const fs::path& path) {
  std::string e = path.extension().string();
  std::transform(e.begin(), e.end(), e.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static const std::map<std::string, FileKind> kKinds = {
      {".npy", FileKind::npy},    {".npz", FileKind::npz},    {".png", FileKind::image},
      {".jpg", FileKind::image},  {".jpeg", FileKind::image}, {".bmp", FileKind::image},
      {".ppm", FileKind::image},  {".pgm", FileKind::image},  {".tif", FileKind::image},
      {".tiff", FileKind::image}, {".wav", FileKind::audio},  {".flac", FileKind::audio},
      {".csv", FileKind::table}};
  const auto it = kKinds.find(e);
  return it == kKinds.end() ? FileKind::other : it->second;
}

bool matches(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) {
    return fnmatch(p.c_str(), path.c_str(), 0) == 0;
  });
}

Result<std::vector<std::string>> files_in(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error))
    if (it->is_regular_file(error) && kind_of(it->path()) != FileKind::other)
      out.push_back(it->path().string());
  if (error) return io_error("cannot search " + folder + ": " + error.message());
  std::sort(out.begin(), out.end());
  return out;
}

// One path a line, relative to the list; empty lines and what follows a '#' are left out.
Result<std::vector<std::string>> files_of_list(const std::string& path) {
  std::ifstream in(path);
  if (!in) return io_error("cannot read " + path);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    out.push_back((fs::path(path).parent_path() / line).string());
  }
  return out;
}

Status check_finite(const Tensor& t, const std::string& input) {
  if (t.dtype() != DType::f32) return {};
  for (const float x : t.values<float>())
    if (!std::isfinite(x)) return usage_error("input '" + input + "' has NaN or infinity");
  return {};
}

std::string text_of(const std::vector<std::int64_t>& extents) {
  std::string out = "[";
  for (const std::int64_t n : extents)
    out += (out.size() > 1 ? "," : "") + (n < 0 ? std::string("?") : std::to_string(n));
  return out + "]";
}

// The tensor as the port takes it: an axis of extent 1 is put in front when only that is missing.
Result<Tensor> fitted(const Port& port, Tensor t) {
  if (t.dtype() != port.dtype)
    return usage_error("input '" + port.name + "' wants " + std::string(dtype_name(port.dtype)) +
                       ", the sample has " + std::string(dtype_name(t.dtype())));
  if (!port.extents) return t;
  const std::vector<std::int64_t>& want = *port.extents;
  std::vector<std::int64_t> have(t.shape().dims().begin(), t.shape().dims().end());
  if (have.size() + 1 == want.size()) have.insert(have.begin(), 1);
  bool same = have.size() == want.size();
  for (std::size_t d = 0; same && d < have.size(); ++d) same = want[d] < 0 || want[d] == have[d];
  if (!same)
    return usage_error("input '" + port.name + "' wants " + text_of(want) + ", the sample has " +
                           t.shape().to_string(),
                       "say in the recipe how samples are prepared (resize, crop, layout, frame)");
  return t.reshaped(Shape(have));
}

}  // namespace

Result<Samples> Samples::open(const std::string& path, SampleSpec spec, std::vector<Port> ports) {
  Samples s;
  s.spec_ = std::move(spec);
  s.ports_ = std::move(ports);
  for (const auto& [name, input] : s.spec_.inputs)
    if (std::none_of(s.ports_.begin(), s.ports_.end(),
                     [&](const Port& p) { return p.name == name; }))
      return usage_error("the recipe names an input '" + name + "' that the model does not have");
  TRY(s.find(path));
  TRY(s.expand_tables());
  s.choose();
  TRY(s.read_labels());
  if (s.places_.empty())
    return usage_error("no samples in " + path,
                       "samples are .npy, .npz, .csv, images (.png, .jpg ...) or sounds (.wav, "
                       ".flac), in a folder or named by a .txt");
  return s;
}

// Whether files of a kind are what the recipe prepares: a folder of pictures may hold more.
bool Samples::is_prepared(const std::string& path) const {
  const auto any = [&](InputSpec::Kind kind) {
    return std::any_of(spec_.inputs.begin(), spec_.inputs.end(),
                       [&](const auto& input) { return input.second.kind == kind; });
  };
  const FileKind kind = kind_of(path);
  if (any(InputSpec::Kind::image)) return kind == FileKind::image;
  if (any(InputSpec::Kind::audio)) return kind == FileKind::audio;
  return true;
}

Status Samples::find(const std::string& path) {
  std::error_code error;
  std::vector<std::string> files = {path};
  if (fs::is_directory(path, error)) {
    ASSIGN(files, files_in(path));
  } else if (fs::path(path).extension() == ".txt") {
    ASSIGN(files, files_of_list(path));
  } else if (!fs::exists(path, error)) {
    return usage_error("no samples at " + path + ": there is no such file or folder");
  }
  for (std::string& file : files) {
    if (!spec_.include.empty() && !matches(spec_.include, file)) continue;
    if (!is_prepared(file)) continue;
    if (!matches(spec_.exclude, file)) places_.push_back({std::move(file)});
  }
  return {};
}

Status Samples::expand_tables() {
  std::vector<Place> out;
  for (Place& place : places_) {
    if (kind_of(place.path) != FileKind::table) {
      out.push_back(std::move(place));
      continue;
    }
    ASSIGN(const std::vector<std::int64_t> rows, find_rows(place.path));
    for (std::size_t r = 0; r < rows.size(); ++r)
      out.push_back({place.path, static_cast<std::int64_t>(r), rows[r]});
  }
  places_ = std::move(out);
  return {};
}

void Samples::choose() {
  if (spec_.shuffle) {
    std::mt19937_64 random(*spec_.shuffle);
    for (std::size_t i = places_.size(); i > 1; --i)  // the same on every machine
      std::swap(places_[i - 1], places_[random() % i]);
  }
  const auto total = static_cast<std::int64_t>(places_.size());
  const std::int64_t first = std::min(spec_.skip, total);
  const std::int64_t last = first + std::min(spec_.count.value_or(total), total - first);
  places_ = {places_.begin() + first, places_.begin() + last};
}

Status Samples::read_labels() {
  if (spec_.labels != Labels::file) return {};
  std::ifstream in(spec_.label_file);
  if (!in) return usage_error("cannot read the labels in " + spec_.label_file);
  const fs::path folder = fs::absolute(spec_.label_file).parent_path();
  std::int64_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    const std::size_t tab = line.find('\t');
    const std::size_t cut = tab != std::string::npos ? tab : line.find(',');
    if (cut == std::string::npos)
      return usage_error(spec_.label_file + ":" + std::to_string(number) + ": no label",
                         "a line is a sample's path, a tab or a comma, and its label");
    labels_[(folder / line.substr(0, cut)).lexically_normal().string()] = line.substr(cut + 1);
  }
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (!label(i))
      return usage_error("no label for " + places_[i].path + " in " + spec_.label_file);
  return {};
}

std::optional<std::string> Samples::label(std::size_t i) const {
  const fs::path path = places_[i].path;
  if (spec_.labels == Labels::folder) return path.parent_path().filename().string();
  if (spec_.labels == Labels::none) return std::nullopt;
  const auto found = labels_.find(fs::absolute(path).lexically_normal().string());
  return found == labels_.end() ? std::nullopt : std::optional(found->second);
}

// The input that a file of one array, picture or sound is for.
Result<const Port*> Samples::only_open_port() const {
  const Port* found = nullptr;
  for (const Port& p : ports_) {
    const auto spec = spec_.inputs.find(p.name);
    if (spec != spec_.inputs.end() && spec->second.kind == InputSpec::Kind::constant) continue;
    if (spec_.carry.contains(p.name)) continue;
    if (found != nullptr)
      return usage_error("a file of one array is for one input, but the model has '" + found->name +
                             "' and '" + p.name + "'",
                         "give .npz files with one array an input, or say constants and carried "
                         "state in the recipe");
    found = &p;
  }
  if (found == nullptr) return usage_error("no input is left that samples could be for");
  return found;
}

Result<Feeds> Samples::constants() const {
  Feeds out;
  for (const Port& p : ports_) {
    const auto spec = spec_.inputs.find(p.name);
    if (spec != spec_.inputs.end() && spec->second.kind == InputSpec::Kind::constant) {
      ASSIGN(Tensor t, fitted(p, spec->second.constant));
      out.emplace(p.name, std::move(t));
    } else if (spec_.carry.contains(p.name)) {
      if (!p.extents) return usage_error("carried input '" + p.name + "' has no shape");
      std::vector<std::int64_t> dims = *p.extents;
      std::replace(dims.begin(), dims.end(), std::int64_t{-1}, std::int64_t{1});
      ASSIGN(Tensor t, Tensor::make(p.dtype, Shape(dims)));
      out.emplace(p.name, std::move(t));
    }
  }
  return out;
}

Result<std::vector<Feeds>> Samples::give(const std::string& input,
                                         std::vector<Tensor> steps) const {
  const auto port =
      std::find_if(ports_.begin(), ports_.end(), [&](const Port& p) { return p.name == input; });
  std::vector<Feeds> out;
  for (Tensor& step : steps) {
    ASSIGN(Tensor t, fitted(*port, std::move(step)));
    TRY(check_finite(t, input));
    ASSIGN(Feeds feeds, constants());
    feeds.insert_or_assign(input, std::move(t));
    out.push_back(std::move(feeds));
  }
  return out;
}

Result<std::vector<Feeds>> Samples::read_steps(const Place& place) const {
  const FileKind kind = kind_of(place.path);
  if (kind == FileKind::npz) {
    ASSIGN(const std::vector<NamedTensor> arrays, read_npz(place.path));
    ASSIGN(Feeds feeds, constants());
    for (const Port& p : ports_) {
      const auto it = std::find_if(arrays.begin(), arrays.end(),
                                   [&](const NamedTensor& a) { return a.name == p.name; });
      if (it == arrays.end()) continue;
      ASSIGN(Tensor t, fitted(p, it->tensor));
      TRY(check_finite(t, p.name));
      feeds.insert_or_assign(p.name, std::move(t));
    }
    for (const Port& p : ports_)
      if (!feeds.contains(p.name)) return usage_error("no array for input '" + p.name + "'");
    return std::vector<Feeds>{std::move(feeds)};
  }
  ASSIGN(const Port* port, only_open_port());
  const auto spec = spec_.inputs.find(port->name);
  const InputSpec input = spec == spec_.inputs.end() ? InputSpec{} : spec->second;
  switch (kind) {
    case FileKind::npy: {
      ASSIGN(Tensor t, read_npy(place.path));
      return give(port->name, {std::move(t)});
    }
    case FileKind::image: {
      ASSIGN(const Tensor pixels, read_image(place.path, input.image.background));
      ASSIGN(Tensor t, prepare_image(pixels, input.image));
      return give(port->name, {std::move(t)});
    }
    case FileKind::audio: {
      ASSIGN(std::vector<Tensor> frames, read_audio(place.path, input.audio));
      return give(port->name, std::move(frames));
    }
    case FileKind::table: {
      ASSIGN(Tensor t, read_row(place.path, place.begin));
      return give(port->name, {std::move(t)});
    }
    default:
      return usage_error("not a kind of file that samples are read from");
  }
}

Result<Sample> Samples::read(std::size_t i) const {
  const Place& place = places_[i];
  Sample out;
  out.name = place.path + (place.row < 0 ? "" : ":" + std::to_string(place.row + 1));
  Result<std::vector<Feeds>> steps = read_steps(place);
  if (!steps.ok()) return std::move(steps).status().in(out.name);
  out.steps = std::move(steps).value();
  out.label = label(i);
  return out;
}

}  // namespace gossamer::samples
