// How much memory each process of a training run takes: what this library keeps, and what a
// transformer keeps for its backward pass.
//
// Example:
//   const TrainingMemory memory = training_memory(
//       size_of_model(files), {.strategy = TrainingStrategy::kDdp, .num_processes = 8,
//                              .is_half = true, .optimizer_values = 2});
//   std::cout << memory.peak() << " bytes in each process\n";
//
// docs/diagnosing.md has the formulas and where they come from. Leaves out what a GPU's driver and
// libraries take, and memory in fragments too small to be of use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/safetensors/model.h"
#include "launcher/cli/model_shape.h"

namespace accelerate::launcher {

// What each process keeps: with kDdp everything; with kZero1 only a part of the optimizer's state,
// with kZero2 of the gradients too, with kZero3 of the parameters too.
enum class TrainingStrategy { kDdp, kZero1, kZero2, kZero3 };

// Counts over all floating-point tensors in the files, which are assumed to be trainable
// parameters.
struct ModelSize {
  double parameters = 0;
  // The parameters in tensors with at least two dimensions, which autocast converts.
  double matrix_parameters = 0;
  // The parameters of the largest part that a sharded strategy gathers at a time: a block with a
  // number in its name, such as "layers.3", or else a module.
  double largest_unit = 0;
  // Whether the feed-forward parts have a gate, as Llama's do.
  bool is_gated = false;
};

ModelSize size_of_model(const std::vector<safetensors::ModelFile>& files);

// What one process trains on in a step.
struct TrainingBatch {
  ModelShape shape;
  std::int64_t samples = 1;
  std::int64_t tokens = 1;  // In each sample.
  // Whether attention avoids keeping a matrix of all tokens by all tokens.
  bool flash_attention = false;
};

struct TrainingChoice {
  TrainingStrategy strategy = TrainingStrategy::kDdp;
  int num_processes = 1;
  // Whether it computes in fp16 or bf16.
  bool is_half = false;
  // How many values the optimizer keeps for each parameter.
  int optimizer_values = 2;
  // Whether it keeps those in bfloat16; see docs/training.md.
  bool has_bf16_moments = false;
  // No value if it is unknown.
  std::optional<TrainingBatch> batch = std::nullopt;
};

// In bytes, at two moments of a step, one of which is the peak.
struct TrainingMemoryRow {
  std::string name;
  double after_forward = 0;
  double after_backward = 0;
};

struct TrainingMemory {
  std::vector<TrainingMemoryRow> rows;  // Without activations if they are unknown.

  TrainingMemoryRow total() const;
  double peak() const;
};

TrainingMemory training_memory(const ModelSize& model, const TrainingChoice& choice);

// What a transformer of this shape keeps from its forward pass for the backward pass, according to
// Korthikanti et al. 2022.
double activation_bytes(const TrainingBatch& batch, bool is_gated, bool is_half);

}  // namespace accelerate::launcher
