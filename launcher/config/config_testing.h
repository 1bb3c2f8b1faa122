// Helpers that the tests of config files share.
//
// Example:
//   const std::string path = make_folder() + "/config.yaml";
//   for (const auto& [name, text] : read_testdata("reference")) check(name, text);
//
// Only for tests: problems become GoogleTest failures.
#pragma once

#include <map>
#include <string>

#include "launcher/config/launch_config.h"
#include "launcher/config/read_config.h"

namespace accelerate::launcher {

// Makes a new, empty folder, which is removed when the program ends.
std::string make_folder();

std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text);

// The files in a folder of testdata: their texts by their names.
std::map<std::string, std::string> read_testdata(const std::string& folder);

// The result of parse_config(), which must succeed.
ReadConfig parse_ok(const std::string& text, const std::string& path = "my.yaml");

// The message of the error that parse_config() must return.
std::string parse_error(const std::string& text, const std::string& path = "my.yaml");

// `config` with the base keys that every file of `accelerate config` has.
LaunchConfig with_base_keys(LaunchConfig config);

}  // namespace accelerate::launcher
