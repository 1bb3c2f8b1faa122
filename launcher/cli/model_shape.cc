#include "launcher/cli/model_shape.h"

#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/safetensors/input_file.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

// More than any model has of anything, so that products of a few such numbers are finite.
constexpr std::int64_t kMost = 1'000'000'000;

// A number that different models call by different names; nothing where none of them is there.
std::optional<std::int64_t> number(const nlohmann::json& config,
                                   std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = config.find(name);
    if (found == config.end() || !found->is_number_unsigned()) continue;
    const auto value = found->get<std::uint64_t>();
    if (value >= 1 && value <= kMost) return static_cast<std::int64_t>(value);
  }
  return std::nullopt;
}

// Some ten times the largest that there are, which list thousands of labels.
constexpr std::uint64_t kLargestConfig = 10'000'000;

absl::StatusOr<std::string> read_config(const std::string& path) {
  absl::StatusOr<safetensors::InputFile> file = safetensors::InputFile::open(path);
  if (absl::IsNotFound(file.status())) {
    return absl::NotFoundError(
        absl::StrCat(path,
                     " cannot be read, and without it the activations are unknown: download the "
                     "model's config.json to this place, or leave out --batch_size"));
  }
  if (!file.ok()) return file.status();
  if (file->size() > kLargestConfig) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " has ", file->size(), " bytes, and ", kLargestConfig,
        " are allowed: download the model's config.json again, or leave out --batch_size"));
  }
  return file->read(file->size());
}

}  // namespace

absl::StatusOr<ModelShape> read_model_shape(const std::string& path) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::is_directory(path, error)
                                           ? std::filesystem::path(path)
                                           : std::filesystem::path(path).parent_path();
  const std::string file = (folder / "config.json").string();
  const absl::StatusOr<std::string> text = read_config(file);
  if (!text.ok()) return text.status();
  const nlohmann::json config =
      nlohmann::json::parse(*text, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (config.is_object() && (config.contains("num_decoder_layers") ||
                             config.value("is_encoder_decoder", nlohmann::json()) == true)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file,
                     " is for an encoder with a decoder, whose activations cannot be estimated; "
                     "leave out --batch_size"));
  }
  const auto hidden = number(config, {"hidden_size", "n_embd"});
  const auto layers = number(config, {"num_hidden_layers", "n_layer"});
  const auto heads = number(config, {"num_attention_heads", "n_head"});
  const auto vocabulary = number(config, {"vocab_size"});
  if (!hidden || !layers || !heads || !vocabulary) {
    return absl::InvalidArgumentError(
        absl::StrCat(file,
                     " does not describe a transformer: it must be JSON with the numbers "
                     "hidden_size, num_hidden_layers, num_attention_heads and vocab_size; correct "
                     "it, or leave out --batch_size"));
  }
  return ModelShape{
      .hidden = *hidden,
      .layers = *layers,
      .heads = *heads,
      .vocabulary = *vocabulary,
      .intermediate =
          number(config, {"intermediate_size", "n_inner", "ffn_dim"}).value_or(4 * *hidden),
      .positions = number(config, {"max_position_embeddings", "n_positions", "n_ctx"})};
}

}  // namespace accelerate::launcher
