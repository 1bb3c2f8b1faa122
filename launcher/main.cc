// The program `accelerate`.

#include <iostream>

#include "launcher/cli/command.h"
#include "launcher/cli/subcommands.h"
#include "launcher/env/users_folder.h"
#include "launcher/names/command_name.h"
#include "launcher/posix/standard_streams.h"

int main(int argc, char** argv) {
  namespace launcher = accelerate::launcher;
  launcher::open_standard_streams();
  const absl::Status entered = launcher::enter_users_folder();
  if (!entered.ok()) std::cerr << "accelerate: " << entered.message() << "\n";
  const int code =
      launcher::run_command({argv, argv + argc}, launcher::subcommands(), launcher::Console());
  // A full disk behind `accelerate env > report` must not look like success.
  if (std::cout.flush()) return code;
  std::cerr << launcher::command_name()
            << ": the output could not be written; check where it goes.\n";
  return code == launcher::kSuccess ? launcher::kFailure : code;
}
