#include "launcher/config/yaml_reader.h"

#include <cstddef>
#include <exception>
#include <map>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/config/node_builder.h"
#include "launcher/config/yaml_scalar.h"
#include "launcher/text/printable.h"
#include "launcher/text/utf8.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/parser.h"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

// yaml-cpp leaves a parse only by an exception.
struct Stopped {};

// The kind of a scalar by its tag: `?` stands for none on a plain scalar, `!` for one in quotes.
std::optional<Kind> scalar_kind(const std::string& tag, const std::string& text) {
  static const std::map<std::string, Kind> tags = {
      {"!", Kind::kString},
      {"tag:yaml.org,2002:str", Kind::kString},
      {"tag:yaml.org,2002:bool", Kind::kBoolean},
      {"tag:yaml.org,2002:int", Kind::kInteger},
      {"tag:yaml.org,2002:float", Kind::kFloat},
      {"tag:yaml.org,2002:null", Kind::kNull},
  };
  if (tag.empty() || tag == "?") return resolve_plain_scalar(text);
  const auto found = tags.find(tag);
  if (found == tags.end()) return std::nullopt;
  // What a tag claims must be what the text is.
  if (found->second != Kind::kString && found->second != resolve_plain_scalar(text)) {
    return std::nullopt;
  }
  return found->second;
}

// yaml-cpp turns the escapes \N and \_ into the bytes 85 and A0 alone, where UTF-8 has two for
// each. All else that it hands out is UTF-8, as the file is.
std::string mend_escapes(std::string_view text) {
  std::string mended;
  for (;;) {
    const std::size_t size = find_no_utf8(text);
    mended.append(text.substr(0, size));
    if (size == text.size()) return mended;
    mended.push_back('\xC2');
    mended.push_back(text[size]);
    text.remove_prefix(size + 1);
  }
}

class EventReader : public YAML::EventHandler {
 public:
  explicit EventReader(const std::string& path) : builder_(path) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (builder_.is_complete()) {
      fail(mark,
           "a second document begins, but a config file has only one; remove the line `---`.");
    }
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(anchor, {.kind = Kind::kNull, .line = line_of(mark)});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const std::optional<Kind> kind = scalar_kind(tag, text);
    if (!kind.has_value()) fail_tag(mark, tag);
    add(anchor, {.kind = *kind, .text = mend_escapes(text), .line = line_of(mark)});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) {
      fail(mark, "an alias refers to a value that contains it; write the value out.");
    }
    // The copy counts in full, so that aliases of aliases end at the limit and not in gigabytes.
    ConfigNode copy = found->second;
    copy.line = line_of(mark);
    check(builder_.add(std::move(copy)));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(Kind::kList, "tag:yaml.org,2002:seq", mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(Kind::kMap, "tag:yaml.org,2002:map", mark, tag, anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapEnd() override { end(); }

  NodeBuilder& builder() { return builder_; }

 private:
  static int line_of(const YAML::Mark& mark) { return mark.line + 1; }

  void check(bool going_on) {
    if (!going_on) throw Stopped();
  }

  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) {
    builder_.fail(line_of(mark), what);
    throw Stopped();
  }

  [[noreturn]] void fail_tag(const YAML::Mark& mark, const std::string& tag) {
    fail(mark, absl::StrCat("the type ", printable(tag), " does not fit here; leave it out."));
  }

  void add(YAML::anchor_t anchor, ConfigNode node) {
    if (anchor != 0) anchored_[anchor] = node;
    check(builder_.add(std::move(node)));
  }

  void begin(Kind kind, std::string_view own_tag, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    if (!tag.empty() && tag != "?" && tag != "!" && tag != own_tag) fail_tag(mark, tag);
    open_anchors_.push_back(anchor);
    check(builder_.begin({.kind = kind, .line = line_of(mark)}));
  }

  void end() {
    const ConfigNode* node = builder_.end();
    check(node != nullptr);
    if (open_anchors_.back() != 0) anchored_[open_anchors_.back()] = *node;
    open_anchors_.pop_back();
  }

  NodeBuilder builder_;
  std::map<YAML::anchor_t, ConfigNode> anchored_;
  std::vector<YAML::anchor_t> open_anchors_;
};

}  // namespace

absl::StatusOr<ConfigNode> parse_yaml(const std::string& text, const std::string& path) {
  std::istringstream stream(text);
  EventReader reader(path);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(reader)) {
    }
  } catch (const Stopped&) {
  } catch (const YAML::Exception& error) {
    reader.builder().fail(error.mark.line + 1,
                          absl::StrCat("this is not YAML (", printable(error.msg),
                                       "); correct it, or write the file again."));
  } catch (const std::exception& error) {
    reader.builder().fail(1, absl::StrCat("this cannot be read (", printable(error.what()),
                                          "); write the file again."));
  }
  return reader.builder().take();
}

}  // namespace accelerate::launcher
