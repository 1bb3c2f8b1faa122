#include "formats/safetensors/model.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/safetensors/quoted_text.h"
#include "formats/safetensors/shard_index.h"

namespace accelerate::safetensors {
namespace {

namespace fs = std::filesystem;

constexpr char kSingleFile[] = "model.safetensors";
constexpr char kIndexFile[] = "model.safetensors.index.json";

// Whatever stands there: that it cannot be read is for the reader to say.
bool stands_there(const fs::path& path) {
  std::error_code error;
  return fs::symlink_status(path, error).type() != fs::file_type::not_found;
}

// The first by name that a folder without a model has instead, for the message.
std::string other_safetensors(const fs::path& folder) {
  std::string first;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".safetensors") continue;
    if (first.empty() || entry->path().string() < first) first = entry->path().string();
  }
  return first;
}

absl::StatusOr<std::string> find_in_folder(const std::string& folder) {
  for (const char* name : {kSingleFile, kIndexFile}) {
    const fs::path path = fs::path(folder) / name;
    if (stands_there(path)) return path.string();
  }
  const std::string other = other_safetensors(folder);
  return absl::NotFoundError(absl::StrCat(
      folder, ": this folder has neither ", kSingleFile, " nor ", kIndexFile, "; ",
      other.empty()
          ? "give the path of a .safetensors file, or save the model as safetensors there."
          : absl::StrCat("give the path of the file that you mean, such as ", other, ".")));
}

// Leaves the tensors that the index names, all of which must be there.
absl::Status keep_named(const std::set<std::string>& names, const std::string& index,
                        ModelFile& file) {
  std::vector<TensorEntry>& tensors = file.header.tensors;
  std::erase_if(tensors,
                [&names](const TensorEntry& tensor) { return !names.contains(tensor.name); });
  if (tensors.size() == names.size()) return absl::OkStatus();
  std::set<std::string> missing = names;
  for (const TensorEntry& tensor : tensors) missing.erase(tensor.name);
  return absl::InvalidArgumentError(
      absl::StrCat(index, " says that the tensor ", quoted_text(*missing.begin()), " is in ",
                   file.path, ", but it is not; download both files again."));
}

absl::StatusOr<std::vector<ModelFile>> read_indexed(const std::string& path) {
  const absl::StatusOr<ShardIndex> index = read_shard_index(path);
  if (!index.ok()) return index.status();
  std::vector<ModelFile> files;
  for (const auto& [name, tensors] : index->files) {
    const std::string shard = fs::path(path).replace_filename(name).string();
    absl::StatusOr<Header> header = read_header(shard);
    if (absl::IsNotFound(header.status())) {
      return absl::NotFoundError(absl::StrCat(path, " names the file ", quoted_text(name),
                                              ", but there is no ", quoted_text(shard),
                                              "; download or copy all files of the model."));
    }
    if (!header.ok()) return header.status();
    ModelFile file = {.path = shard, .header = *std::move(header)};
    const absl::Status status = keep_named(tensors, path, file);
    if (!status.ok()) return status;
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

absl::StatusOr<std::vector<ModelFile>> read_model(const std::string& path) {
  std::error_code error;
  std::string file = path;
  if (fs::is_directory(path, error)) {
    absl::StatusOr<std::string> found = find_in_folder(path);
    if (!found.ok()) return found.status();
    file = *std::move(found);
  }
  if (fs::path(file).extension() == ".json") return read_indexed(file);
  absl::StatusOr<Header> header = read_header(file);
  if (!header.ok()) return header.status();
  return std::vector<ModelFile>{{.path = file, .header = *std::move(header)}};
}

}  // namespace accelerate::safetensors
