// How reports say what share of a model's work scalar code does.
#pragma once

#include <string>

#include "compile/work.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {

// {"share": 0.25, "primitives": {"top_k": 0.25}}: parts of the whole work, 0 to 1.
nlohmann::json work_json(const compile::WorkReport& work);
// "0 %", "25.0 % (top_k 25.0 %)": the largest first.
std::string work_text(const nlohmann::json& work);

}  // namespace gossamer::cli
