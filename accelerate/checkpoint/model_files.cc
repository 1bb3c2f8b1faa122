#include "accelerate/checkpoint/model_files.h"

#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <system_error>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "accelerate/checkpoint/contents.h"
#include "accelerate/checkpoint/registered_object.h"
#include "accelerate/checkpoint/tensor_difference.h"
#include "accelerate/state/copy_values.h"
#include "formats/files/atomic_file.h"
#include "formats/safetensors/model.h"

namespace accelerate::internal {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

constexpr const char* kOneFile = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";
constexpr uint64_t kChunk = uint64_t{4} << 20;

Tensors tensors_of(const torch::nn::Module& module) {
  Tensors tensors;
  const State state = module_state(module);
  for (const auto& [name, value] : state.values()) tensors[name] = std::get<at::Tensor>(value);
  return tensors;
}

void check(const absl::Status& status) { TORCH_CHECK(status.ok(), std::string(status.message())); }

// Its bytes; it has its name only when it is committed.
AtomicFile written(FileContents file, const std::string& folder) {
  absl::StatusOr<AtomicFile> out =
      AtomicFile::create(folder + "/" + file.name(), {.overwrite = true});
  check(out.status());
  std::string chunk;
  for (uint64_t done = 0; done < file.size(); done += chunk.size()) {
    chunk.resize(std::min(kChunk, file.size() - done));
    file.read(done, chunk.size(), chunk.data());
    check(out->append(chunk));
  }
  return *std::move(out);
}

void make_folder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  TORCH_CHECK(!error, "cannot create ", folder, ": ", error.message(),
              "; make sure that it can be written to");
}

// Tensors of one memory stay together.
std::vector<Tensors> cut(const Tensors& tensors, uint64_t max_shard_size) {
  std::map<const void*, Tensors> by_memory;
  std::vector<const void*> order;
  for (const auto& [name, tensor] : tensors) {
    const void* memory = tensor.numel() > 0 ? tensor.const_data_ptr() : nullptr;
    if (!by_memory.contains(memory)) order.push_back(memory);
    by_memory[memory][name] = tensor;
  }
  std::vector<Tensors> shards(1);
  uint64_t size = 0;
  for (const void* memory : order) {
    const Tensors& together = by_memory.at(memory);
    const uint64_t bytes = together.begin()->second.nbytes();
    if (!shards.back().empty() && size + bytes > max_shard_size) {
      shards.emplace_back();
      size = 0;
    }
    size += bytes;
    shards.back().insert(together.begin(), together.end());
  }
  return shards;
}

}  // namespace

void save_model_files(const torch::nn::Module& module, const std::string& folder,
                      const SaveModelOptions& options) {
  TORCH_CHECK(options.max_shard_size > 0,
              "save_model(): max_shard_size is 0; give a number of bytes");
  make_folder(folder);
  const std::vector<Tensors> shards = cut(tensors_of(module), options.max_shard_size);
  std::set<std::string> names;
  std::vector<AtomicFile> files;
  const auto add = [&](FileContents file) {
    names.insert(file.name());
    files.push_back(written(std::move(file), folder));
  };
  if (shards.size() == 1) {
    add(FileContents(kOneFile, shards[0]));
  } else {
    nlohmann::json places = nlohmann::json::object();
    uint64_t total = 0;
    for (size_t i = 0; i < shards.size(); ++i) {
      const std::string name =
          absl::StrFormat("model-%05d-of-%05d.safetensors", i + 1, shards.size());
      add(FileContents(name, shards[i]));
      std::set<const void*> seen;
      for (const auto& [tensor_name, tensor] : shards[i]) {
        const bool is_first = tensor.numel() == 0 || seen.insert(tensor.const_data_ptr()).second;
        if (!is_first) continue;
        places[tensor_name] = name;
        total += tensor.nbytes();
      }
    }
    const nlohmann::json index = {{"metadata", {{"total_size", total}}}, {"weight_map", places}};
    add(FileContents(kIndex, index.dump(2) + "\n"));
  }
  // All bytes are there by now. What leads to files of a model that was there before goes first, so
  // that nobody takes some of them for some of these.
  std::error_code error;
  for (const char* name : {kIndex, kOneFile})
    if (!(names.contains(name) && names.size() == 1))
      std::filesystem::remove(folder + "/" + name, error);
  for (AtomicFile& file : files) check(file.commit());
  const std::regex of_a_model(
      R"(model(-\d{5,}-of-\d{5,})?\.safetensors|model\.safetensors\.index\.json)");
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!names.contains(name) && std::regex_match(name, of_a_model))
      std::filesystem::remove(entry.path(), error);
  }
}

void save_tensors(const std::map<std::string, at::Tensor>& tensors, const std::string& folder,
                  const std::string& file) {
  make_folder(folder);
  check(written(FileContents(file, tensors), folder).commit());
}

LoadReport load_model_files(torch::nn::Module& module, const std::string& path,
                            const LoadOptions& options) {
  c10::AutoGradMode no_grad(false);
  const absl::StatusOr<std::vector<safetensors::ModelFile>> files = safetensors::read_model(path);
  check(files.status());
  State saved;
  for (const safetensors::ModelFile& file : *files)
    for (const auto& [name, tensor] : read_safetensors(file.path, file.header))
      if (!saved.contains(name)) saved.set(name, tensor);
  const TensorDifference difference = difference_of(saved, module_state(module));
  const bool is_whole = difference.missing.empty() && difference.unexpected.empty();
  TORCH_CHECK(difference.unlike.empty() && (!options.strict || is_whole), path,
              " is of another model.", listed("of another shape or type:", difference.unlike),
              listed("missing in the files:", difference.missing),
              listed("not in the model:", difference.unexpected),
              "\nLoad the weights of this model, or take what fits with {.strict = false}");
  for (const auto& [name, tensor] : tensors_of(module))
    if (saved.contains(name)) copy_values(tensor, saved.tensor(name));
  return {.missing = difference.missing, .unexpected = difference.unexpected};
}

}  // namespace accelerate::internal
