#include "launcher/cli/arguments.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "launcher/names/command_name.h"
#include "launcher/names/flag_words.h"
#include "launcher/names/nearest_name.h"

namespace accelerate::launcher {
namespace {

constexpr char kEndOfFlags[] = "--";

std::string flag_usage(const Flag& flag) {
  std::string usage = absl::StrCat("--", flag.name);
  if (!flag.value_name.empty()) absl::StrAppend(&usage, " ", flag.value_name);
  if (flag.many) absl::StrAppend(&usage, " [", flag.value_name, " ...]");
  return usage;
}

std::string positional_usage(const Positional& positional) {
  if (!positional.many) return positional.name;
  return absl::StrCat(positional.name, " [", positional.name, " ...]");
}

// The parts that no line end may break.
std::vector<std::string> usage_words(const CommandSyntax& syntax) {
  std::vector<std::string> words = {command_name(), syntax.name};
  for (const Positional& positional : syntax.positionals) {
    words.push_back(positional_usage(positional));
  }
  for (const Flag& flag : syntax.flags) {
    if (!flag.help.empty()) words.push_back(absl::StrCat("[", flag_usage(flag), "]"));
  }
  return words;
}

std::string usage_line(const CommandSyntax& syntax) {
  return absl::StrJoin(usage_words(syntax), " ");
}

// Reads one line from its first word to its last.
class Parser {
 public:
  Parser(const CommandSyntax& syntax, const std::vector<std::string>& words)
      : syntax_(syntax), words_(words) {}

  absl::StatusOr<Arguments> parse() {
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (word == kEndOfFlags) {
        arguments_.positionals.insert(arguments_.positionals.end(), words_.begin() + next_,
                                      words_.end());
        break;
      }
      if (word == "-h" || word == "--help") return Arguments{.help = true};
      if (!looks_like_flag(word)) {
        arguments_.positionals.push_back(word);
        continue;
      }
      const absl::Status status = take_flag(word);
      if (!status.ok()) return status;
    }
    const absl::Status status = check_positionals();
    if (!status.ok()) return status;
    return std::move(arguments_);
  }

 private:
  absl::Status take_flag(const std::string& word) {
    const std::string name = flag_name(word);
    const auto flag = std::find_if(syntax_.flags.begin(), syntax_.flags.end(),
                                   [&name](const Flag& each) { return each.name == name; });
    if (flag == syntax_.flags.end() || !absl::StartsWith(word, "--")) return unknown_flag(word);
    std::vector<std::string>& values = arguments_.flags[name];
    if (!flag->repeated) values.clear();
    const std::size_t equals = word.find('=');
    if (flag->value_name.empty()) {
      if (equals == std::string::npos) return absl::OkStatus();
      return takes_no_value(word, name);
    }
    if (equals != std::string::npos) {
      values.push_back(word.substr(equals + 1));
      return absl::OkStatus();
    }
    const std::size_t before = values.size();
    const std::size_t most = flag->many ? words_.size() : before + 1;
    while (values.size() < most && next_ < words_.size() && !looks_like_flag(words_[next_])) {
      values.push_back(words_[next_++]);
    }
    if (values.size() > before) return absl::OkStatus();
    return lacks_value(name, flag->value_name);
  }

  absl::Status unknown_flag(const std::string& word) const {
    std::vector<std::string> names;
    for (const Flag& flag : syntax_.flags) {
      if (!flag.help.empty()) names.push_back(absl::StrCat("--", flag.name));
    }
    names.push_back("--help");
    return absl::InvalidArgumentError(
        absl::StrCat(word.substr(0, word.find('=')), " is not a flag of ", command_name(), " ",
                     syntax_.name, "; ", suggestion(absl::StrCat("--", flag_name(word)), names)));
  }

  absl::Status check_positionals() const {
    const std::size_t expected = syntax_.positionals.size();
    if (arguments_.positionals.size() < expected) {
      return absl::InvalidArgumentError(
          absl::StrCat(syntax_.positionals[arguments_.positionals.size()].name,
                       " is missing; write ", usage_line(syntax_), "."));
    }
    if (arguments_.positionals.size() == expected) return absl::OkStatus();
    if (expected > 0 && syntax_.positionals.back().many) return absl::OkStatus();
    if (!syntax_.commands.empty()) return misplaced_command(arguments_.positionals[expected]);
    return absl::InvalidArgumentError(absl::StrCat("\"", arguments_.positionals[expected],
                                                   "\" is one word too many; write ",
                                                   usage_line(syntax_), "."));
  }

  absl::Status misplaced_command(const std::string& word) const {
    std::vector<std::string> names;
    for (const NestedCommand& command : syntax_.commands) names.push_back(command.name);
    if (std::find(names.begin(), names.end(), word) != names.end()) {
      return absl::InvalidArgumentError(absl::StrCat(word, " must come first; write ",
                                                     command_name(), " ", syntax_.name, " ", word,
                                                     " and then the rest."));
    }
    return absl::InvalidArgumentError(absl::StrCat("'", word, "' is not a command of ",
                                                   command_name(), " ", syntax_.name, "; ",
                                                   suggestion(word, names)));
  }

  const CommandSyntax& syntax_;
  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  Arguments arguments_;
};

}  // namespace

std::optional<std::string> Arguments::value(const std::string& flag) const {
  const auto found = flags.find(flag);
  if (found == flags.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::vector<std::string> Arguments::values(const std::string& flag) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::vector<std::string>() : found->second;
}

absl::StatusOr<Arguments> parse_arguments(const CommandSyntax& syntax,
                                          const std::vector<std::string>& words) {
  return Parser(syntax, words).parse();
}

std::string syntax_help(const CommandSyntax& syntax, int width) {
  const HelpRowOptions options = {.width = width};
  std::vector<std::string> usage = usage_words(syntax);
  usage.insert(usage.begin(), "usage:");
  std::string help = absl::StrCat(wrapped_words(usage, width, 4), "\n\n",
                                  wrapped(syntax.description, width), "\n\n");
  for (const Positional& positional : syntax.positionals) {
    append_help_row(positional.name, positional.help, options, help);
  }
  for (const Flag& flag : syntax.flags) {
    if (!flag.help.empty()) append_help_row(flag_usage(flag), flag.help, options, help);
  }
  append_help_row("-h, --help", "Show this help.", options, help);
  if (!syntax.commands.empty()) absl::StrAppend(&help, "\nCommands, each with its own --help:\n");
  for (const NestedCommand& command : syntax.commands) {
    append_help_row(command.name, command.help, options, help);
  }
  return help;
}

}  // namespace accelerate::launcher
