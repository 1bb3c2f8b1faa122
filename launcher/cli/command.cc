#include "launcher/cli/command.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "launcher/names/command_name.h"
#include "launcher/names/help_text.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/printable.h"
#include "launcher/version/version.h"

namespace accelerate::launcher {
namespace {

std::string command_help(const std::vector<Subcommand>& subcommands) {
  std::size_t longest = std::string("--version").size();
  for (const Subcommand& subcommand : subcommands) {
    longest = std::max(longest, subcommand.name.size());
  }
  const HelpRowOptions options = {.column = static_cast<int>(longest) + 4, .width = help_width()};
  std::string help =
      absl::StrCat("usage: ", command_name(),
                   " COMMAND [ARGUMENTS]\n\n"
                   "Launches training programs and helps with what they need.\n\nCommands:\n");
  for (const Subcommand& subcommand : subcommands) {
    append_help_row(subcommand.name, subcommand.help, options, help);
  }
  absl::StrAppend(&help, "\nOptions:\n");
  append_help_row("--help", "Show this help, or after a command the help of that command.", options,
                  help);
  append_help_row("--version", "Show the version.", options, help);
  return help;
}

// The words of the command line behind the command's name, which becomes command_name(). A name
// with a subcommand behind a hyphen is that of a link.
std::vector<std::string> take_command_name(const std::vector<std::string>& arguments,
                                           const std::vector<Subcommand>& subcommands) {
  if (arguments.empty()) return {};
  std::vector<std::string> words(arguments.begin() + 1, arguments.end());
  std::string name = arguments[0].substr(arguments[0].rfind('/') + 1);
  for (const Subcommand& subcommand : subcommands) {
    if (name.size() <= subcommand.name.size() + 1) continue;
    if (!absl::EndsWith(name, absl::StrCat("-", subcommand.name))) continue;
    name.erase(name.size() - subcommand.name.size() - 1);
    words.insert(words.begin(), subcommand.name);
    break;
  }
  set_command_name(std::move(name));
  return words;
}

// Null where none has that name.
const Subcommand* find_subcommand(const std::vector<Subcommand>& subcommands,
                                  const std::string& name) {
  const auto found = std::find_if(subcommands.begin(), subcommands.end(),
                                  [&name](const Subcommand& each) { return each.name == name; });
  return found == subcommands.end() ? nullptr : &*found;
}

bool is_mistake(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAlreadyExists:
      return false;
    default:
      return true;
  }
}

std::string unknown_word(const std::string& word, const std::vector<Subcommand>& subcommands) {
  std::vector<std::string> names;
  const bool flag = absl::StartsWith(word, "-");
  if (flag) names = {"--help", "--version"};
  for (const Subcommand& subcommand : subcommands) {
    if (!flag) names.push_back(subcommand.name);
  }
  return absl::StrCat(command_name(), ": '", plain(word), "' is not a ", flag ? "flag" : "command",
                      " of ", command_name(), "; ", suggestion(word, names), "\n");
}

}  // namespace

int run_command(const std::vector<std::string>& arguments,
                const std::vector<Subcommand>& subcommands, const Console& console) {
  const std::vector<std::string> words = take_command_name(arguments, subcommands);
  if (words.empty()) {
    console.output << command_help(subcommands);
    return kFailure;
  }
  if (words[0] == "-h" || words[0] == "--help") {
    console.output << command_help(subcommands);
    return kSuccess;
  }
  if (words[0] == "--version") {
    console.output << command_name() << " " << kVersion << "\n";
    return kSuccess;
  }
  if (const Subcommand* subcommand = find_subcommand(subcommands, words[0])) {
    return subcommand->run({words.begin() + 1, words.end()}, console);
  }
  console.errors << unknown_word(words[0], subcommands);
  return kUsageError;
}

int run_with_arguments(const CommandSyntax& syntax, const std::vector<std::string>& words,
                       const Console& console,
                       const std::function<absl::Status(const Arguments&)>& body) {
  const auto print_error = [&](const absl::Status& status) {
    console.errors << command_name() << " " << syntax.name << ": " << plain_lines(status.message())
                   << "\n";
  };
  const absl::StatusOr<Arguments> arguments = parse_arguments(syntax, words);
  if (!arguments.ok()) {
    print_error(arguments.status());
    return kUsageError;
  }
  if (arguments->help) {
    console.output << plain_lines(syntax_help(syntax));
    return kSuccess;
  }
  const absl::Status status = body(*arguments);
  if (status.ok()) return kSuccess;
  print_error(status);
  return is_mistake(status) ? kUsageError : kFailure;
}

int run_with_subcommands(CommandSyntax syntax, const std::vector<Subcommand>& nested,
                         const std::vector<std::string>& words, const Console& console,
                         const std::function<absl::Status(const Arguments&)>& body) {
  if (!words.empty()) {
    if (const Subcommand* subcommand = find_subcommand(nested, words[0])) {
      return subcommand->run({words.begin() + 1, words.end()}, console);
    }
  }
  for (const Subcommand& subcommand : nested) {
    syntax.commands.push_back({subcommand.name, subcommand.help});
  }
  return run_with_arguments(syntax, words, console, body);
}

}  // namespace accelerate::launcher
