// The keys of config files: the members of LaunchConfig that hold their values, and other
// properties.
//
// Example:
//   const ConfigKey* key = find_config_key("num_processes");
//   if (key != nullptr && key->use == KeyUse::kElsewhere) warn(key->name);
//
// Not for programs: they call read_config() and write_config().
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/config/launch_config.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {

// Who uses a value.
enum class KeyUse {
  kLaunch,     // The launcher here, or what it passes on to a program.
  kElsewhere,  // Nothing here: it is for a TPU.
  kSagemaker,  // Nothing here, and LaunchConfig::sagemaker holds the key.
};

// A key whose value LaunchConfig keeps.
struct ConfigKey {
  template <class Value>
  using Member = Value LaunchConfig::*;

  std::string name = "";
  std::variant<Member<std::optional<ComputeEnvironment>>, Member<std::optional<DistributedType>>,
               Member<std::optional<MixedPrecision>>, Member<std::optional<bool>>,
               Member<std::optional<int>>, Member<std::optional<std::string>>,
               Member<std::optional<std::vector<std::string>>>, Member<ConfigSection>>
      member = {};
  KeyUse use = KeyUse::kLaunch;
  // The bounds of a whole number.
  int minimum = 0;
  int maximum = std::numeric_limits<int>::max();
};

// All of them, in alphabetical order.
const std::vector<ConfigKey>& config_keys();

// Null if LaunchConfig keeps no value for the key.
const ConfigKey* find_config_key(const std::string& name);

// The names of all keys that a file may have, including those of old versions.
std::vector<std::string> config_key_names();

// Whether only files of old versions have the key: read_config() converts the first kind into
// another key, and the second kind is of no use today. write_config() writes neither, because
// today's Accelerate rejects them.
bool is_converted_key(const std::string& name);
bool is_obsolete_key(const std::string& name);

// Whether the name is a flag of `accelerate launch` that no file can set.
bool is_flag_only(const std::string& name);

// The keys that the section may have, in their long form (fsdp_version); empty if any key will do.
std::vector<std::string> section_key_names(const std::string& section);

// The long form of the section's `key`: fsdp_config, fp8_config and dynamo_config may leave out the
// prefix.
std::string long_section_key(const std::string& section, const std::string& key);

// Whether `key` looks like the name of a flag or an argument: letters, digits, `_`, `.` and `-`.
bool is_key_word(const std::string& key);

// Whether the value is a list: see ConfigSection.
bool is_section_list(const std::string& section, const std::string& key);

}  // namespace accelerate::launcher
