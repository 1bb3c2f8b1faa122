#include "launcher/cli/relevant_variables.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/match.h"
#include "launcher/env/python_interpreter.h"
#include "launcher/env/variable_names.h"

namespace accelerate::launcher {
namespace {

constexpr std::array kNames = {kRankVariable,
                               kWorldSizeVariable,
                               kLocalRankVariable,
                               kLocalWorldSizeVariable,
                               kMainAddressVariable,
                               kMainPortVariable,
                               kMixedPrecisionFallbackVariable,
                               kPythonVariable,
                               "HF_HOME",
                               "LD_LIBRARY_PATH",
                               "LD_PRELOAD",
                               "LIBTORCH",
                               "XDG_CACHE_HOME"};

constexpr std::array kPrefixes = {
    "ACCELERATE_", "CUDA_",
    "FSDP_",       "GLOO_",
    "GOMP_",       "KMP_",
    "MKL_",        "MPI_",
    "MV2_",        "NCCL_",
    "NVIDIA_",     "OMP_",
    "OMPI_COMM_",  "PARALLELISM_CONFIG_",
    "PMI_",        "SLURM_",
    "TORCH_",      "TORCHELASTIC_",
};

constexpr std::array kSecretWords = {"CREDENTIAL", "KEY", "PASS", "SECRET", "TOKEN"};

bool is_relevant(const std::string& name) {
  return std::any_of(kNames.begin(), kNames.end(),
                     [&name](const char* each) { return name == each; }) ||
         std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&name](const char* prefix) { return absl::StartsWith(name, prefix); });
}

bool is_secret(const std::string& name) {
  return std::any_of(kSecretWords.begin(), kSecretWords.end(),
                     [&name](const char* word) { return absl::StrContains(name, word); });
}

}  // namespace

std::vector<Fact> relevant_variables(const char* const* environment) {
  std::vector<Fact> facts;
  for (; *environment != nullptr; ++environment) {
    const std::string variable = *environment;
    const std::string name = variable.substr(0, variable.find('='));
    if (name.size() == variable.size() || !is_relevant(name)) continue;
    facts.push_back(
        {name, is_secret(name) ? "(set, not shown)" : variable.substr(name.size() + 1)});
  }
  std::sort(facts.begin(), facts.end(),
            [](const Fact& left, const Fact& right) { return left.name < right.name; });
  return facts;
}

}  // namespace accelerate::launcher
