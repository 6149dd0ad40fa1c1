// Reading a graph's text token by token: where we are, how to say so, and the smallest pieces.
// Internal to the parser.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/attributes.h"
#include "graph/type.h"

namespace gossamer {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}

  // A malformed Status that starts with the line and column of where the cursor stands.
  Status fail(const std::string& what) const { return locate(malformed(what), at_); }
  // Puts the line and column of `offset` in front of a failed status.
  Status locate(Status status, std::size_t offset) const;

  std::size_t offset() const { return at_; }
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  // Skips spaces on the line; skips spaces, line ends and "# comments".
  void skip_blanks();
  void skip_lines();
  // Takes `c` if it stands here, after any white space and comments.
  bool take(char c);
  Status expect(std::string_view token);
  // The end of a statement: the end of the line, a comment, or a closing brace.
  Status expect_line_end();

  // A name of a value or a graph, bare or quoted; `what` is for the message.
  Result<std::string> take_name(std::string_view what);
  // Letters, digits and '_'; empty when there is none.
  std::string_view take_word();
  Result<Type> take_type();
  // "{...}" with the elements of a tensor of that type.
  Result<Tensor> take_tensor(const Type& type);
  Result<AttributeValue> take_attribute(int nesting = 0);

 private:
  Result<AttributeValue> take_list(int nesting);
  Result<AttributeValue> take_block();
  Result<AttributeValue> take_number_or_word();

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace gossamer
