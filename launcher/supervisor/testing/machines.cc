#include "launcher/supervisor/testing/machines.h"

#include <algorithm>
#include <cstdlib>

#include "launcher/posix/listening_socket.h"

namespace accelerate::launcher {
namespace {

// Nobody's a moment ago.
int free_port() { return open_listening_socket(/*port=*/0, Reach::kNetwork)->port; }

}  // namespace

Machines::Machines(const MachinesOptions& options) : options_(options), port_(free_port()) {
  for (int machine = 0; machine < options_.num_machines; ++machine) {
    machines_.push_back(start(machine, options_.own_flags(machine)));
  }
}

std::unique_ptr<Subprocess> Machines::start(int machine, const Words& own_flags) {
  Words words = options_.wrapper(machine);
  const Words launch = {
      std::getenv("LAUNCHING_PROGRAM"), "--num_machines=" + std::to_string(options_.num_machines),
      "--main_process_ip=" + options_.address, "--main_process_port=" + std::to_string(port_),
      options_.numbers_by_arrival ? "--rdzv_backend=c10d"
                                  : "--machine_rank=" + std::to_string(machine)};
  const Words shell = {"sh", "-c", options_.script};
  for (const Words& part : {launch, options_.flags, own_flags, shell}) {
    words.insert(words.end(), part.begin(), part.end());
  }
  return std::make_unique<Subprocess>(SubprocessOptions{.arguments = words});
}

void Machines::wait_for_output_of_all(const std::string& text) {
  for (const auto& machine : machines_) machine->wait_for_output(text);
}

std::vector<int> Machines::wait_for_all() {
  std::vector<int> codes;
  for (const auto& machine : machines_) codes.push_back(machine->wait());
  return codes;
}

bool Machines::vanish() {
  return std::all_of(machines_.begin(), machines_.end(),
                     [](const auto& machine) { return machine->vanishes(); });
}

}  // namespace accelerate::launcher
