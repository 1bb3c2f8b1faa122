// From the tree of a config file to a LaunchConfig.
//
// Example:
//   LaunchConfig config;
//   ConfigRemarks remarks = fill_from_node(document, config);
//   if (!remarks.errors.empty()) return refuse(remarks.errors);
//
// Not for programs: read_config() is.
#pragma once

#include <string>
#include <vector>

#include "launcher/config/config_node.h"
#include "launcher/config/launch_config.h"

namespace accelerate::launcher {

// What to tell about one line of a file.
struct ConfigRemark {
  int line = 0;
  std::string text = "";
};

struct ConfigRemarks {
  std::vector<ConfigRemark> errors = {};
  std::vector<ConfigRemark> warnings = {};
};

// Sets the members of `config` that `document` has keys for. There is an error for each key that is
// unknown or has a bad value, and a warning for each that has a value and means nothing here.
ConfigRemarks fill_from_node(const ConfigNode& document, LaunchConfig& config);

}  // namespace accelerate::launcher
