#include "launcher/cli/training_memory.h"

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace accelerate::launcher {
namespace {

constexpr double kFull = 4;  // Bytes of a number in fp32.
constexpr double kHalf = 2;
// One in use and one on its way.
constexpr double kUnitsAtATime = 2;

bool is_number(const std::string& word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
}

// "h.3" of "h.3.attn.weight", and else the module of the tensor.
std::string unit_of(const std::string& tensor) {
  std::vector<std::string> words = absl::StrSplit(tensor, '.');
  const auto index = std::find_if(words.begin(), words.end(), is_number);
  words.erase(index == words.end() ? words.end() - 1 : index + 1, words.end());
  return absl::StrJoin(words, ".");
}

}  // namespace

ModelSize size_of_model(const std::vector<safetensors::ModelFile>& files) {
  ModelSize size;
  std::map<std::string, double> units;
  for (const safetensors::ModelFile& file : files) {
    for (const safetensors::TensorEntry& tensor : file.header.tensors) {
      if (!safetensors::is_floating_point(tensor.dtype)) continue;
      const auto elements = static_cast<double>(tensor.num_elements);
      size.parameters += elements;
      if (tensor.shape.size() >= 2) size.matrix_parameters += elements;
      double& unit = units[unit_of(tensor.name)];
      unit += elements;
      size.largest_unit = std::max(size.largest_unit, unit);
      size.is_gated = size.is_gated || absl::StrContains(tensor.name, "gate_proj");
    }
  }
  return size;
}

TrainingMemoryRow TrainingMemory::total() const {
  TrainingMemoryRow total = {.name = "total"};
  for (const TrainingMemoryRow& row : rows) {
    total.after_forward += row.after_forward;
    total.after_backward += row.after_backward;
  }
  return total;
}

double TrainingMemory::peak() const {
  const TrainingMemoryRow sum = total();
  return std::max(sum.after_forward, sum.after_backward);
}

TrainingMemory training_memory(const ModelSize& model, const TrainingChoice& choice) {
  const TrainingStrategy strategy = choice.strategy;
  const double processes = choice.num_processes;
  const auto part_from = [&](TrainingStrategy first) {
    return strategy >= first ? 1 / processes : 1;
  };
  const double full = kFull * model.parameters;
  const double unit = model.largest_unit;
  TrainingMemory memory;
  const auto add = [&memory](const char* name, double after_forward, double after_backward) {
    if (after_forward > 0 || after_backward > 0)
      memory.rows.push_back({name, after_forward, after_backward});
  };
  const auto add_lasting = [&add](const char* name, double bytes) { add(name, bytes, bytes); };

  add_lasting("parameters", full * part_from(TrainingStrategy::kZero3));
  const double moment = choice.has_bf16_moments ? kHalf : kFull;
  add_lasting("optimizer state", choice.optimizer_values * moment * model.parameters *
                                     part_from(TrainingStrategy::kZero1));
  const bool is_alone = choice.num_processes == 1;
  // Of zero1, where no window of accumulate() keeps those of the batches before.
  const bool cuts_gradients = !is_alone && strategy >= TrainingStrategy::kZero1;
  const bool cuts_parameters = !is_alone && strategy == TrainingStrategy::kZero3;
  // Gradients travel in them and lie there afterwards; autograd makes its own before.
  if (!is_alone) add_lasting("gradient buckets", full * part_from(TrainingStrategy::kZero1));
  add("gradients of a backward pass", 0, cuts_gradients ? kUnitsAtATime * kFull * unit : full);
  const double number = choice.is_half ? kHalf : kFull;
  if (cuts_parameters) {
    add_lasting("parameters brought together", kUnitsAtATime * number * unit);
  } else if (choice.is_half) {
    add("half-precision copies of weights", kHalf * model.matrix_parameters, 0);
  }
  if (choice.batch)
    add("activations", activation_bytes(*choice.batch, model.is_gated, choice.is_half), 0);
  return memory;
}

double activation_bytes(const TrainingBatch& batch, bool is_gated, bool is_half) {
  const ModelShape& shape = batch.shape;
  const double number = is_half ? kHalf : kFull;
  const auto hidden = static_cast<double>(shape.hidden);
  const auto tokens = static_cast<double>(batch.tokens);
  const double places = tokens * static_cast<double>(batch.samples);
  // Of each place the inputs of two norms and three products, queries, keys and values; within the
  // feed-forward part, the inputs of the activation and of the last product, and with a gate two
  // more; and two masks of dropout, a byte each.
  const double kept = 8 * hidden + (is_gated ? 4 : 2) * static_cast<double>(shape.intermediate);
  double layer = places * (number * kept + 2 * hidden);
  // The softmax, its output after dropout, and the mask of that.
  if (!batch.flash_attention)
    layer += places * tokens * static_cast<double>(shape.heads) * (2 * number + 1);
  // The mask of the embeddings' dropout, the last norm, the head's input and fp32 logits.
  const double ends =
      places * (hidden + 2 * number * hidden + kFull * static_cast<double>(shape.vocabulary));
  return static_cast<double>(shape.layers) * layer + ends;
}

}  // namespace accelerate::launcher
