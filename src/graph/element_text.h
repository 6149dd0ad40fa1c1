// The text of names, strings and single elements, shared by the printer and the parser of graphs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/tensor.h"

namespace gossamer {

// Whether a name is printed without quotes: letters, digits, '_', '.', '/', '-' (not first) and ':'
// (only before a digit), and not "_" alone, which stands for what is left out.
bool is_bare_name(std::string_view name);
// Length of the bare name at the start of `text`, 0 when there is none.
std::size_t bare_name_length(std::string_view text);

// "text" with \" \\ \n \t \r and \xNN for what is not printable ASCII.
void append_quoted(std::string_view text, std::string& out);
// Reads what append_quoted wrote from the start of `text`, which is advanced past it.
Result<std::string> take_quoted(std::string_view& text);

// Shortest text of a double that reads back as itself and is no integer's: "1.0", "1e+30", "inf",
// "nan".
void append_real(double value, std::string& out);

// The elements of an unpacked tensor, separated by ", ". Floats are in the shortest digits that
// read back exactly in their type; NaNs other than the usual one as their bits, 0x7fc00001.
void append_elements(const Tensor& tensor, std::string& out);
// Reads elements up to '}' from the start of `text`, which is advanced to it. White space between
// them is skipped. Fails with malformed; `text` then stands where the trouble is.
Result<Tensor> take_elements(DType dtype, const Shape& shape, std::string_view& text);

}  // namespace gossamer
