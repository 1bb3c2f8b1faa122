// How much memory each process of a training takes: what this library keeps, and what a transformer
// keeps for its backward pass.
//
// Example:
//   const TrainingMemory memory = training_memory(
//       size_of_model(files), {.strategy = TrainingStrategy::kDdp, .num_processes = 8,
//                              .is_half = true, .optimizer_values = 2});
//   std::cout << memory.peak() << " bytes in each process\n";
//
// docs/seeing_a_run.md has the formulas and where they come from. Not for what a GPU's driver and
// libraries take beside it, nor for memory that lies in pieces too small to be of use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/safetensors/model.h"
#include "launcher/cli/model_shape.h"

namespace accelerate::launcher {

// What each process has of the whole: with kDdp all of it, with kZero1 a part of the optimizer's
// state, with kZero2 of the gradients as well, with kZero3 of the parameters as well.
enum class TrainingStrategy { kDdp, kZero1, kZero2, kZero3 };

// Of all floating-point tensors in the files, which are taken for parameters that train.
struct ModelSize {
  double parameters = 0;
  // Those of tensors with two dimensions or more, which autocast converts.
  double matrix_parameters = 0;
  // Of the largest part that a sharded strategy would bring together at a time: a block that has a
  // number in its name, such as "layers.3", or else a module.
  double largest_unit = 0;
  // Whether the feed-forward parts have a gate, as Llama's.
  bool is_gated = false;
};

ModelSize size_of_model(const std::vector<safetensors::ModelFile>& files);

// What one process trains on in a step.
struct TrainingBatch {
  ModelShape shape;
  std::int64_t samples = 1;
  std::int64_t tokens = 1;  // In each sample.
  // Whether attention keeps no matrix of all tokens by all tokens.
  bool flash_attention = false;
};

struct TrainingChoice {
  TrainingStrategy strategy = TrainingStrategy::kDdp;
  int num_processes = 1;
  // Whether it computes in fp16 or bf16.
  bool is_half = false;
  // How many the optimizer keeps for each parameter.
  int optimizer_values = 2;
  // Whether it keeps them in bfloat16; see docs/training.md.
  bool has_bf16_moments = false;
  // Nothing where it is not known.
  std::optional<TrainingBatch> batch = std::nullopt;
};

// In bytes, at the two moments of a step of which one has the most.
struct TrainingMemoryRow {
  std::string name;
  double after_forward = 0;
  double after_backward = 0;
};

struct TrainingMemory {
  std::vector<TrainingMemoryRow> rows;  // Without activations where they are not known.

  TrainingMemoryRow total() const;
  double peak() const;
};

TrainingMemory training_memory(const ModelSize& model, const TrainingChoice& choice);

// What a transformer of this shape keeps from its forward pass for the backward pass, by
// Korthikanti et al. 2022.
double activation_bytes(const TrainingBatch& batch, bool is_gated, bool is_half);

}  // namespace accelerate::launcher
