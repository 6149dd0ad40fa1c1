// Compiled models kept in a folder that the user named, so that a second run of an .onnx opens a
// package instead of compiling.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "runtime/program.h"

namespace gossamer::cli {

class ProgramCache {
 public:
  // The place, in `folder`, of the model at `path` compiled under these options: a name made from
  // the file's bytes, the options, this version of the tool and the machine's level. Makes the
  // folder, for its owner alone. Fails with io.
  static Result<ProgramCache> open(const std::string& folder, const std::string& path,
                                   const std::vector<std::string>& options);

  // What is there, once every checksum has been compared; null, with a note on stderr when it is
  // broken or others could have written it, when there is nothing to use.
  std::shared_ptr<const runtime::Program> find() const;
  // Writes it beside its place and renames it, for its owner alone. What goes wrong is a note.
  void keep(const runtime::Program& program, const std::string& precision) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace gossamer::cli
