// A GPT-2 of any size: a transformer that predicts, at each place of a text, the next character.
//
//   Gpt gpt(GptOptions{.vocabulary = 65, .layers = 2, .heads = 2, .width = 64, .block = 32});
//   auto logits = gpt(characters);   // [batch, length, 65] from int64 [batch, length]
//   torch::optim::AdamW adamw(decay_groups(*gpt, options), options);
//
// Not for OpenAI's own weights: their parameters have other names, and their linear weights are
// transposed.
#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/normalization.h>
#include <torch/optim/adamw.h>

#include <cstdint>
#include <string>
#include <vector>

namespace accelerate::train {

struct GptOptions {
  // How many different characters there are.
  int64_t vocabulary = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t width = 0;
  // The longest context.
  int64_t block = 0;
  double dropout = 0;
};

class GptImpl : public torch::nn::Module {
 public:
  // Draws the weights as GPT-2 does. Throws c10::Error when a size makes no sense.
  explicit GptImpl(const GptOptions& options);

  torch::Tensor forward(const torch::Tensor& characters);

  const GptOptions& options() const { return options_; }

 private:
  GptOptions options_;
  torch::nn::Embedding token_embedding_{nullptr}, position_embedding_{nullptr};
  torch::nn::Dropout dropout_{nullptr};
  torch::nn::ModuleList blocks_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};
TORCH_MODULE(Gpt);

// Two groups: matrices, which decay, and biases and norms, which don't.
std::vector<torch::optim::OptimizerParamGroup> decay_groups(
    const torch::nn::Module& model, const torch::optim::AdamWOptions& options);

// Overwrites all parameters with those of a file that Python wrote:
//
//   torch.save({name: parameter.detach() for name, parameter in gpt.named_parameters()}, file)
//
// Throws c10::Error that names the entry which is missing, has another shape, or is not in the
// model.
void load_weights(torch::nn::Module& model, const std::string& file);

}  // namespace accelerate::train
