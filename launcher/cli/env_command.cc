#include "launcher/cli/env_command.h"

#include <unistd.h>

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "launcher/cli/command.h"
#include "launcher/cli/config_fact.h"
#include "launcher/cli/fact.h"
#include "launcher/cli/host_facts.h"
#include "launcher/cli/python_packages.h"
#include "launcher/cli/relevant_variables.h"
#include "launcher/config/read_config.h"
#include "launcher/env/environment.h"
#include "launcher/env/python_interpreter.h"
#include "launcher/version/version.h"

namespace accelerate::launcher {
namespace {

const CommandSyntax& syntax() {
  static const CommandSyntax syntax = {
      .name = "env",
      .description =
          "Describes this machine, this build, the environment and the config file, to paste into "
          "a bug report.",
      .flags = {{.name = "config_file",
                 .value_name = "FILE",
                 .help = "The config file to show (the default one, if there is one)."}}};
  return syntax;
}

void append(std::vector<Fact>& facts, const std::vector<Fact>& more) {
  facts.insert(facts.end(), more.begin(), more.end());
}

Fact environment_variables() {
  std::vector<Fact> variables = relevant_variables(environ);
  return {"Environment variables", variables.empty() ? "none that matter" : "", variables};
}

}  // namespace

int run_env(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    std::vector<Fact> facts = {{"`Accelerate` for C++ version", kVersion}};
    append(facts, host_facts());
    append(facts, python_facts(python_interpreter(process_environment)));
    facts.push_back(environment_variables());
    const std::optional<std::string> path = arguments.value("config_file");
    facts.push_back(config_fact(path));
    console.output << "\nCopy-and-paste the text below in your bug report\n\n" << to_bullets(facts);
    // The report has it too, but is not looked at where a script collects it.
    return path.has_value() ? read_config(*path).status() : absl::OkStatus();
  });
}

}  // namespace accelerate::launcher
