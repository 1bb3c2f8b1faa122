#include "formats/safetensors/shard_index.h"

#include <cstdint>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/safetensors/input_file.h"
#include "formats/safetensors/json_events.h"
#include "formats/safetensors/quoted_text.h"

namespace accelerate::safetensors {
namespace {

// Some ten times the index of the largest models that there are.
constexpr std::uint64_t kLargestIndex = 100'000'000;
constexpr char kWeightMap[] = "weight_map";

// An index that comes with a model must not make anybody read files elsewhere.
bool stays_in_folder(const std::string& file) {
  const std::filesystem::path path(file);
  if (file.empty() || path.is_absolute() || !path.has_filename()) return false;
  for (const std::filesystem::path& part : path) {
    if (part == "..") return false;
  }
  return file.find('\0') == std::string::npos;
}

class IndexEvents : public JsonEvents {
 public:
  absl::StatusOr<ShardIndex> take() && {
    if (!has_weight_map_) return absl::InvalidArgumentError("it has no \"weight_map\"");
    return std::move(index_);
  }

 protected:
  bool on_start_object() override {
    if (depth_ == 2) return on_other("an object");
    ++depth_;
    return true;
  }

  bool on_end_object() override {
    --depth_;
    return true;
  }

  bool on_key(std::string& key) override {
    if (depth_ == 1) {
      if (key != kWeightMap) return ignore_next_value();
      if (std::exchange(has_weight_map_, true)) return refuse("\"weight_map\" appears in it twice");
      return true;
    }
    tensor_ = std::move(key);
    if (tensors_.insert(tensor_).second) return true;
    return refuse(absl::StrCat("the tensor ", quoted_text(tensor_), " appears in it twice"));
  }

  bool on_string(std::string& file) override {
    if (depth_ != 2) return on_other("a string");
    if (!stays_in_folder(file)) {
      return refuse(absl::StrCat("the tensor ", quoted_text(tensor_), " would be in the file ",
                                 quoted_text(file),
                                 ", which is not a path within the index's folder"));
    }
    index_.files[std::move(file)].insert(std::move(tensor_));
    return true;
  }

  bool on_other(const std::string& value) override {
    if (depth_ == 2) {
      return refuse(absl::StrCat("the tensor ", quoted_text(tensor_), " has ", value,
                                 " and not the name of a file"));
    }
    return refuse(
        absl::StrCat(depth_ == 0 ? "it" : "\"weight_map\"", " is ", value, " and not an object"));
  }

 private:
  ShardIndex index_;
  std::unordered_set<std::string> tensors_;
  std::string tensor_;
  int depth_ = 0;
  bool has_weight_map_ = false;
};

}  // namespace

absl::StatusOr<ShardIndex> parse_shard_index(const std::string& json) {
  IndexEvents events;
  if (!nlohmann::json::sax_parse(json, &events)) {
    return absl::InvalidArgumentError(events.problem());
  }
  return std::move(events).take();
}

absl::StatusOr<ShardIndex> read_shard_index(const std::string& path) {
  absl::StatusOr<InputFile> file = InputFile::open(path);
  if (!file.ok()) return file.status();
  absl::StatusOr<ShardIndex> index;
  if (file->size() > kLargestIndex) {
    index = absl::InvalidArgumentError(
        absl::StrCat("it has ", file->size(), " bytes, and ", kLargestIndex, " are allowed"));
  } else {
    const absl::StatusOr<std::string> json = file->read(file->size());
    if (!json.ok()) return json.status();
    index = parse_shard_index(*json);
  }
  if (index.ok()) return index;
  return absl::InvalidArgumentError(
      absl::StrCat(path, " cannot be read as the index of a model: ", index.status().message(),
                   "; download it again, or give the path of a .safetensors file."));
}

}  // namespace accelerate::safetensors
