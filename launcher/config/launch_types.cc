#include "launcher/config/launch_types.h"

#include <cstddef>

namespace accelerate::launcher {
namespace {

// In the order of their enumerators, which are the indices.
constexpr const char* kEnvironmentWords[] = {"LOCAL_MACHINE", "AMAZON_SAGEMAKER"};
constexpr const char* kTypeWords[] = {
    "NO",         "MULTI_CPU",   "MULTI_GPU",     "MULTI_NPU",     "MULTI_MLU", "MULTI_SDAA",
    "MULTI_MUSA", "MULTI_XPU",   "MULTI_HPU",     "MULTI_NEURON",  "DEEPSPEED", "FSDP",
    "XLA",        "MEGATRON_LM", "DATA_PARALLEL", "MODEL_PARALLEL"};

template <class Enum, std::size_t count>
std::optional<Enum> find_word(const char* const (&words)[count], const std::string& word) {
  for (std::size_t i = 0; i < count; ++i) {
    if (word == words[i]) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

template <std::size_t count>
std::vector<std::string> all_words(const char* const (&words)[count]) {
  return {words, words + count};
}

}  // namespace

std::string to_string(ComputeEnvironment environment) {
  return kEnvironmentWords[static_cast<std::size_t>(environment)];
}

std::string to_string(DistributedType type) { return kTypeWords[static_cast<std::size_t>(type)]; }

std::optional<ComputeEnvironment> find_compute_environment(const std::string& word) {
  return find_word<ComputeEnvironment>(kEnvironmentWords, word);
}

std::optional<DistributedType> find_distributed_type(const std::string& word) {
  if (word == "TPU") return DistributedType::kXla;
  if (word == "MPS") return DistributedType::kNo;
  return find_word<DistributedType>(kTypeWords, word);
}

std::vector<std::string> compute_environment_words() { return all_words(kEnvironmentWords); }

std::vector<std::string> distributed_type_words() { return all_words(kTypeWords); }

}  // namespace accelerate::launcher
