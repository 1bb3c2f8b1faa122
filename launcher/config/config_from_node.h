// Turns the tree of a config file into a LaunchConfig.
//
// Example:
//   LaunchConfig config;
//   ConfigRemarks remarks = fill_from_node(document, config);
//   if (!remarks.errors.empty()) return refuse(remarks.errors);
//
// Not for programs: they call read_config().
#pragma once

#include <string>
#include <vector>

#include "launcher/config/config_node.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// A message about one line of a file.
struct ConfigRemark {
  int line = 0;
  std::string text = "";
};

struct ConfigRemarks {
  std::vector<ConfigRemark> errors = {};
  std::vector<ConfigRemark> warnings = {};
};

// Sets the members of `config` that `document` has keys for. Returns an error for each key that is
// unknown or has a bad value, and a warning for each key whose value has no effect here.
ConfigRemarks fill_from_node(const ConfigNode& document, LaunchConfig& config);

}  // namespace accelerate::launcher
