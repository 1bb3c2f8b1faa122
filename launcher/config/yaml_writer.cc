#include "launcher/config/yaml_writer.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "launcher/config/yaml_scalar.h"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

// A space behind this column becomes a new line.
constexpr std::size_t kBestWidth = 80;

std::u32string decode_utf8(const std::string& text) {
  std::u32string characters;
  for (std::size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t character = size == 1 ? first : first & (0xFF >> (size + 1));
    for (std::size_t k = 1; k < size && i + k < text.size(); ++k) {
      character = (character << 6) | (static_cast<unsigned char>(text[i + k]) & 0x3F);
    }
    characters.push_back(character);
    i += size;
  }
  return characters;
}

bool is_printable_ascii(char32_t c) { return c >= 0x20 && c <= 0x7E; }

enum class Quotes { kNone, kSingle, kDouble };

bool has_indicator(const std::string& text) {
  if (absl::StartsWith(text, "---") || absl::StartsWith(text, "...")) return true;
  const auto is_space = [&text](std::size_t i) {
    return i >= text.size() || text[i] == ' ' || text[i] == '\n' || text[i] == '\t';
  };
  if (std::string_view("#,[]{}&*!|>'\"%@`").find(text[0]) != std::string_view::npos) return true;
  if ((text[0] == '?' || text[0] == '-') && is_space(1)) return true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':' && is_space(i + 1)) return true;
    if (i > 0 && text[i] == '#' && is_space(i - 1)) return true;
  }
  return false;
}

Quotes choose_quotes(const std::string& text) {
  if (text.empty()) return Quotes::kSingle;
  // Python takes single quotes here, but yaml-cpp reads nothing in them, where Python does both.
  if (text.find_first_not_of('\n') == std::string::npos) return Quotes::kDouble;
  bool plain =
      is_plain_string(text) && !has_indicator(text) && text.front() != ' ' && text.back() != ' ';
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') {
      plain = false;
      // Single quotes would lose a space beside a line break.
      if (i > 0 && text[i - 1] == ' ') return Quotes::kDouble;
      if (i + 1 < text.size() && text[i + 1] == ' ') return Quotes::kDouble;
    } else if (!is_printable_ascii(static_cast<unsigned char>(text[i]))) {
      return Quotes::kDouble;
    }
  }
  return plain ? Quotes::kNone : Quotes::kSingle;
}

std::string escape(char32_t c) {
  static constexpr struct {
    char32_t character;
    const char* escaped;
  } kShort[] = {{0, "\\0"},     {7, "\\a"},    {8, "\\b"},    {9, "\\t"},      {10, "\\n"},
                {11, "\\v"},    {12, "\\f"},   {13, "\\r"},   {27, "\\e"},     {'"', "\\\""},
                {'\\', "\\\\"}, {0x85, "\\N"}, {0xA0, "\\_"}, {0x2028, "\\L"}, {0x2029, "\\P"}};
  for (const auto& entry : kShort) {
    if (entry.character == c) return entry.escaped;
  }
  const auto code = static_cast<std::uint32_t>(c);
  if (c <= 0xFF) return absl::StrFormat("\\x%02X", code);
  if (c <= 0xFFFF) return absl::StrFormat("\\u%04X", code);
  return absl::StrFormat("\\U%08X", code);
}

class Writer {
 public:
  std::string take() { return std::move(out_); }

  void map(const ConfigNode& node, std::size_t indent) {
    for (const ConfigNode& child : node.children) {
      out_.append(indent, ' ');
      column_ = indent;
      scalar(child.key, Kind::kString, indent);
      put(":");
      value(child, indent);
    }
  }

 private:
  void put(std::string_view text) {
    out_.append(text);
    column_ += text.size();  // What is put is ASCII.
  }

  void new_line(std::size_t indent) {
    out_.push_back('\n');
    out_.append(indent, ' ');
    column_ = indent;
  }

  void value(const ConfigNode& node, std::size_t indent) {
    if (node.kind == Kind::kMap && !node.children.empty()) {
      new_line(0);
      map(node, indent + 2);
      return;
    }
    if (node.kind == Kind::kList && !node.children.empty()) {
      for (const ConfigNode& item : node.children) {
        // Items stand as far left as their key.
        new_line(indent);
        put("- ");
        scalar(item.text, item.kind, indent + 2);
      }
    } else {
      put(" ");
      if (node.kind == Kind::kMap || node.kind == Kind::kList) {
        put(node.kind == Kind::kMap ? "{}" : "[]");
      } else {
        scalar(node.text, node.kind, indent + 2);
      }
    }
    new_line(0);
  }

  // `indent` is that of the lines that a long text goes on in.
  void scalar(const std::string& text, Kind kind, std::size_t indent) {
    if (kind != Kind::kString) return put(text);
    switch (choose_quotes(text)) {
      case Quotes::kNone:
        return folded(text, indent);
      case Quotes::kSingle:
        return single_quoted(text, indent);
      case Quotes::kDouble:
        return double_quoted(text, indent);
    }
  }

  // Plain text, which has no line breaks. A single space may become one.
  void folded(std::string_view text, std::size_t indent) {
    for (std::size_t i = 0; i < text.size();) {
      const bool space = text[i] == ' ';
      std::size_t end = i;
      while (end < text.size() && (text[end] == ' ') == space) ++end;
      // Leading and trailing spaces stay: a text in single quotes may have them.
      if (space && end - i == 1 && column_ > kBestWidth && i != 0 && end != text.size()) {
        new_line(indent);
      } else {
        put(text.substr(i, end - i));
      }
      i = end;
    }
  }

  void single_quoted(std::string_view text, std::size_t indent) {
    put("'");
    for (std::size_t i = 0; i < text.size();) {
      const char c = text[i];
      std::size_t end = i;
      while (end < text.size() &&
             (c == ' ' || c == '\n' ? text[end] == c : text[end] != ' ' && text[end] != '\n')) {
        ++end;
      }
      const std::string_view run = text.substr(i, end - i);
      if (c == '\n') {
        // A line break alone would be a space, so there is one more.
        out_.append(run.size(), '\n');
        new_line(indent);
      } else if (c == ' ' && run.size() == 1 && column_ > kBestWidth && i != 0 &&
                 end != text.size()) {
        new_line(indent);
      } else {
        for (const char character : run) put(character == '\'' ? "''" : std::string(1, character));
      }
      i = end;
    }
    put("'");
  }

  // Step by step as PyYAML does, whose folding depends on where runs of plain characters begin.
  void double_quoted(const std::string& utf8, std::size_t indent) {
    const std::u32string text = decode_utf8(utf8);
    put("\"");
    std::size_t start = 0;
    for (std::size_t end = 0; end <= text.size(); ++end) {
      const bool at_end = end == text.size();
      const bool plain =
          !at_end && is_printable_ascii(text[end]) && text[end] != '"' && text[end] != '\\';
      if (!plain) {
        if (start < end) put_characters(text, start, end);
        start = end;
        if (!at_end) {
          put(escape(text[end]));
          start = end + 1;
        }
      }
      const bool inside = end > 0 && end + 1 < text.size();
      if (inside && (text[end] == ' ' || start >= end) && column_ + end - start > kBestWidth) {
        if (start < end) {
          put_characters(text, start, end);
          start = end;
        }
        put("\\");
        new_line(indent);
        if (text[start] == ' ') put("\\");
      }
    }
    put("\"");
  }

  void put_characters(const std::u32string& text, std::size_t start, std::size_t end) {
    for (std::size_t i = start; i < end; ++i) put(std::string(1, static_cast<char>(text[i])));
  }

  std::string out_;
  std::size_t column_ = 0;
};

}  // namespace

std::string write_yaml(const ConfigNode& map) {
  if (map.children.empty()) return "{}\n";
  Writer writer;
  writer.map(map, 0);
  return writer.take();
}

}  // namespace accelerate::launcher
