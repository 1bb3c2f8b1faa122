// Part of checkpoint_folder.h; not for others. Parses the name of a checkpoint's folder.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace accelerate::checkpoints {

inline constexpr char kCheckpointPrefix[] = "checkpoint_";
inline constexpr char kUnfinishedSuffix[] = ".unfinished";
// For a checkpoint that is being replaced by another one of its name.
inline constexpr char kReplacedSuffix[] = ".replaced";

struct CheckpointName {
  // The name of the checkpoint, without the id and suffix of an unfinished or replaced one.
  std::string finished;
  // NUMBER, if `finished` is `checkpoint_NUMBER`.
  std::optional<std::int64_t> number;
  // 16 hexadecimal digits if it is unfinished or replaced, otherwise empty.
  std::string id;
  bool is_replaced = false;
};

// std::nullopt if the name does not tell, so that only the contents of the folder can make it a
// checkpoint.
std::optional<CheckpointName> parse_name(const std::string& name);

// A name beside `path`, on the same file system.
std::string path_beside(const std::string& path, const std::string& id, const char* suffix);

}  // namespace accelerate::checkpoints
