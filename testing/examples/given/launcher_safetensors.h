// What examples of launcher/safetensors take as given.
#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"

// ---- json_events.h
int fail(const std::string& problem);
// ---- model.h
void load(const std::string& path, const Header& header);
// ---- quoted_text.h
extern std::string name;
// ---- shard_index.h
extern std::filesystem::path folder;
void load(const std::filesystem::path& file, const std::set<std::string>& tensors);
