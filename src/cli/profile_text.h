// Profiles for people and for trace viewers.
#pragma once

#include <string>

#include "measure/profile.h"
#include "nlohmann/json.hpp"

namespace gossamer::cli {

// The `top` slowest steps as a table: time, share of the run, rates, and how much of the roofline
// for these threads they reach; then what each operation takes, and the whole.
std::string profile_table(const measure::Profile& profile, const measure::Rates& rates,
                          const runtime::SessionOptions& session, std::size_t top);
// Every step as an object, by order of execution.
nlohmann::json profile_rows(const measure::Profile& profile, const measure::Rates& rates,
                            const runtime::SessionOptions& session);
// The last run in the trace event format that chrome://tracing and Perfetto read: an event a step
// on its caller's thread, and one as long on a row of its own for each further share.
nlohmann::json chrome_trace(const measure::Profile& profile, const std::string& model);

}  // namespace gossamer::cli
