#include "launcher/config/json_reader.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "launcher/config/node_builder.h"
#include "launcher/text/printable.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

// Reads `text`, and counts the lines that the parser has taken: it hands no positions out.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* position, int& line) : position_(position), line_(&line) {}

  reference operator*() const { return *position_; }
  CountingIterator& operator++() {
    if (*position_ == '\n') ++*line_;
    ++position_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return position_ == other.position_; }
  bool operator!=(const CountingIterator& other) const { return !(*this == other); }

 private:
  const char* position_;
  int* line_;
};

class EventReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  EventReader(const std::string& path, const int& line) : builder_(path), line_(line) {}

  bool null() override { return add(Kind::kNull, ""); }
  bool boolean(bool value) override { return add(Kind::kBoolean, value ? "true" : "false"); }
  bool number_integer(std::int64_t value) override {
    return add(Kind::kInteger, absl::StrCat(value));
  }
  bool number_unsigned(std::uint64_t value) override {
    return add(Kind::kInteger, absl::StrCat(value));
  }
  bool number_float(double, const std::string& text) override { return add(Kind::kFloat, text); }
  bool string(std::string& value) override { return add(Kind::kString, value); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // JSON has none.

  bool key(std::string& value) override {
    value_line_ = line_;
    return builder_.add({.kind = Kind::kString, .text = value, .line = line_});
  }
  bool start_object(std::size_t) override { return begin(Kind::kMap); }
  bool start_array(std::size_t) override { return begin(Kind::kList); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }

  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::json::exception& error) override {
    // Its own position and code precede what is wrong.
    const std::string_view what = error.what();
    const std::size_t start = what.find(": ");
    builder_.fail(line_, absl::StrCat("this is not JSON (",
                                      printable(std::string(what.substr(
                                          start == std::string_view::npos ? 0 : start + 2))),
                                      "); correct it, or write the file again."));
    return false;
  }

  NodeBuilder& builder() { return builder_; }

 private:
  // The parser knows that a number has ended when it has read on, perhaps to the next line; so a
  // value in a map is said to stand where its key does.
  int take_line() {
    const int line = value_line_ != 0 ? value_line_ : line_;
    value_line_ = 0;
    return line;
  }

  bool add(Kind kind, std::string text) {
    return builder_.add({.kind = kind, .text = std::move(text), .line = take_line()});
  }
  bool begin(Kind kind) { return builder_.begin({.kind = kind, .line = take_line()}); }
  bool end() { return builder_.end() != nullptr; }

  NodeBuilder builder_;
  const int& line_;
  int value_line_ = 0;
};

}  // namespace

absl::StatusOr<ConfigNode> parse_json(const std::string& text, const std::string& path) {
  int line = 1;
  EventReader reader(path, line);
  nlohmann::json::sax_parse(CountingIterator(text.data(), line),
                            CountingIterator(text.data() + text.size(), line), &reader);
  return reader.builder().take();
}

}  // namespace accelerate::launcher
