// The words of a config file that stand for one of a few choices.
//
// Example:
//   std::optional<DistributedType> type = find_distributed_type("MULTI_GPU");
//   std::string word = to_string(*type);
//
// Not the choices of a run: these are all that Accelerate knows, and a run here may reject some.
// For the precision that a program computes in, see MixedPrecision
// (launcher/env/mixed_precision.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace accelerate::launcher {

enum class ComputeEnvironment { kLocalMachine, kAmazonSagemaker };

enum class DistributedType {
  kNo,
  kMultiCpu,
  kMultiGpu,
  kMultiNpu,
  kMultiMlu,
  kMultiSdaa,
  kMultiMusa,
  kMultiXpu,
  kMultiHpu,
  kMultiNeuron,
  kDeepspeed,
  kFsdp,
  kXla,
  kMegatronLm,
  kSagemakerDataParallel,
  kSagemakerModelParallel,
};

// As config files write them: "LOCAL_MACHINE", "MULTI_GPU".
std::string to_string(ComputeEnvironment environment);
std::string to_string(DistributedType type);

// What `word` stands for; no value for other words. "TPU" in old files is XLA; "MPS" is NO, because
// it meant one process on one device.
std::optional<ComputeEnvironment> find_compute_environment(const std::string& word);
std::optional<DistributedType> find_distributed_type(const std::string& word);

// The words of today's files, in the order of the enumerators.
std::vector<std::string> compute_environment_words();
std::vector<std::string> distributed_type_words();

}  // namespace accelerate::launcher
