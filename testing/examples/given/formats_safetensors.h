// What examples of formats/safetensors take as given.
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

extern std::string path;
extern std::string text;

int fail(const absl::Status& status);
// ---- json_events.h
int fail(const std::string& problem);
// ---- layout.h
extern int file;
void write_at(int file, std::uint64_t offset, const std::string& bytes);
std::string bytes_of(const std::string& name);
// ---- model.h
void load(const std::string& path, const Header& header);
// ---- quoted_text.h
extern std::string name;
// ---- shard_index.h
extern std::filesystem::path folder;
void load(const std::filesystem::path& file, const std::set<std::string>& tensors);
