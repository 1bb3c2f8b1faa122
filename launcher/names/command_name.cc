#include "launcher/names/command_name.h"

#include <utility>

namespace accelerate::launcher {
namespace {

std::string& name_of_this_process() {
  static std::string name = "accelerate";
  return name;
}

}  // namespace

const std::string& command_name() { return name_of_this_process(); }

void set_command_name(std::string name) { name_of_this_process() = std::move(name); }

}  // namespace accelerate::launcher
