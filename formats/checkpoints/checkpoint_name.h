// Part of checkpoint_folder.h; not for others. What the name of a folder tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accelerate::checkpoints {

inline constexpr char kCheckpointPrefix[] = "checkpoint_";
inline constexpr char kUnfinishedSuffix[] = ".unfinished";
// Of a checkpoint that has made way for another of its name.
inline constexpr char kReplacedSuffix[] = ".replaced";

struct CheckpointName {
  // That of the checkpoint, without what follows it where it is unfinished.
  std::string finished;
  // Where that is `checkpoint_NUMBER`.
  std::optional<std::int64_t> number;
  // 16 hexadecimal digits where it is unfinished or replaced, or else empty.
  std::string id;
  bool is_replaced = false;
};

// Nothing where a folder of that name is a checkpoint by what it holds alone.
std::optional<CheckpointName> parse_name(const std::string& name);

// A name beside `path`, on the same file system.
std::string path_beside(const std::string& path, const std::string& id, const char* suffix);

}  // namespace accelerate::checkpoints
