#include "accelerate/main/help.h"

#include <filesystem>
#include <map>
#include <sstream>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "launcher/names/help_text.h"
#include "launcher/request/flag_help.h"

namespace accelerate::internal {

std::string program_help(const std::string& program_path,
                         const launcher::IsProgramFlag& is_program_flag) {
  const std::string name = std::filesystem::path(program_path).filename();
  std::ostringstream out;
  out << launcher::wrapped_words(
             {"usage: " + name, "[launch flags]", "[program arguments]", "[-- program arguments]"},
             launcher::help_width(), /*indent=*/4)
      << "\n\n"
      << launcher::launch_flags_help(is_program_flag);
  if (is_program_flag == nullptr) return out.str();

  // Sorted by name, which the registry is not.
  std::map<std::string, const absl::CommandLineFlag*> flags;
  for (const auto& [flag_name, flag] : absl::GetAllFlags()) {
    // abseil's own are for programs that its help is for.
    if (flag->Filename().find("absl/flags/") == std::string::npos)
      flags[std::string(flag_name)] = flag;
  }
  if (!flags.empty()) out << "\nFlags of this program:\n";
  for (const auto& [flag_name, flag] : flags) {
    out << "  "
        << launcher::wrapped("--" + std::string(flag_name) + " (" + flag->Help() +
                                 "); default: " + flag->DefaultValue(),
                             launcher::help_width() - 2, /*indent=*/6)
        << "\n";
  }
  return out.str();
}

}  // namespace accelerate::internal
