// How YAML 1.1, which Python's configs are written in, tells numbers, booleans and strings apart.
//
// Example:
//   if (!is_plain_string("no")) add_quotes();  // Without quotes it is a boolean.
//
// Not for text in quotes, nor for JSON, whose scalars say what they are.
#pragma once

#include <string>

#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// What a scalar without quotes is. Dates, which no key of a config takes, count as strings.
ConfigNode::Kind resolve_plain_scalar(const std::string& text);

// Whether Python reads `text` as a string even without quotes. Says nothing about characters such
// as `#` or `: `.
bool is_plain_string(const std::string& text);

// What a text of a ConfigSection stands for: only true, false and numbers in their usual spelling
// are no strings.
ConfigNode::Kind section_text_kind(const std::string& text);

// The text that a ConfigSection keeps of a scalar node: booleans are true or false, numbers have
// their usual spelling (0x10 is 16, .5 is 0.5).
std::string section_text(const ConfigNode& node);

}  // namespace accelerate::launcher
