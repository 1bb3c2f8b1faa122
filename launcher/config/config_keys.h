// The keys of config files: where LaunchConfig has their values, and what else is known of them.
//
// Example:
//   const ConfigKey* key = find_config_key("num_processes");
//   if (key != nullptr && key->use == KeyUse::kElsewhere) warn(key->name);
//
// Not for programs: read_config() and write_config() are.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/config/launch_config.h"
#include "launcher/env/mixed_precision.h"

namespace accelerate::launcher {

// Whom a value matters to.
enum class KeyUse {
  kLaunch,     // The launcher here, or what it passes on to a program.
  kElsewhere,  // Nobody here: a TPU.
  kSagemaker,  // Nobody here, and the key is one of LaunchConfig::sagemaker.
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
  // Of a whole number.
  int minimum = 0;
  int maximum = std::numeric_limits<int>::max();
};

// All of them, in the order of the alphabet.
const std::vector<ConfigKey>& config_keys();

// Null where no value of that key is kept.
const ConfigKey* find_config_key(const std::string& name);

// The names of all keys that a file may have, those of old versions too.
std::vector<std::string> config_key_names();

// Whether only files of old versions have the key: one that is turned into another, or one that
// says nothing that is still of use. write_config() writes neither, as today's Accelerate refuses
// them.
bool is_converted_key(const std::string& name);
bool is_obsolete_key(const std::string& name);

// Whether it is a flag of `accelerate launch` that no file can set.
bool is_flag_only(const std::string& name);

// The keys that the section may have, in their long form (fsdp_version); none where any will do.
std::vector<std::string> section_key_names(const std::string& section);

// `key` of the section in its long form: a fsdp_config, fp8_config or dynamo_config may leave out
// the prefix.
std::string long_section_key(const std::string& section, const std::string& key);

// Whether `key` looks like the name of a flag or an argument: letters, digits, `_`, `.` and `-`.
bool is_key_word(const std::string& key);

// Whether the value is a list: see ConfigSection.
bool is_section_list(const std::string& section, const std::string& key);

}  // namespace accelerate::launcher
