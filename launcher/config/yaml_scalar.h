// How YAML 1.1, the language of Python's configs, tells numbers, booleans and strings apart.
//
// Example:
//   if (!is_plain_string("no")) add_quotes();  // Without quotes it is a boolean.
//
// Not for text in quotes, nor for JSON, whose scalars say what they are.
#pragma once

#include <string>

#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// What a scalar without quotes is. Dates count as strings, because no key of a config takes one.
ConfigNode::Kind resolve_plain_scalar(const std::string& text);

// Whether Python reads `text` as a string even without quotes. Says nothing about characters such
// as `#` or `: `.
bool is_plain_string(const std::string& text);

// What a text of a ConfigSection stands for: everything is a string except true, false and numbers
// in their usual spelling.
ConfigNode::Kind section_text_kind(const std::string& text);

// The text that a ConfigSection keeps for a scalar node: booleans become true or false, numbers get
// their usual spelling (0x10 is 16, .5 is 0.5).
std::string section_text(const ConfigNode& node);

}  // namespace accelerate::launcher
