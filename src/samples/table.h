// Tables of numbers: .csv files, a header line, one sample a row.
#pragma once

#include <string>
#include <vector>

#include "base/tensor.h"

namespace gossamer::samples {

// Where each row begins in the file: the header and empty lines are none. Fails with io.
Result<std::vector<std::int64_t>> find_rows(const std::string& path);
// The row that begins there as f32[columns]. Fails with malformed, naming the column, when a cell
// is no number or the row is shorter or longer than the header.
Result<Tensor> read_row(const std::string& path, std::int64_t begin);

}  // namespace gossamer::samples
