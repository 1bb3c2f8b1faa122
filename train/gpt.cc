#include "train/gpt.h"

#include <ATen/ATen.h>
#include <torch/nn/functional/linear.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>
#include <torch/serialize.h>
#include <torch/utils.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include "accelerate/nn/fused_linear.h"

namespace accelerate::train {
namespace {

namespace F = torch::nn::functional;

struct AttentionImpl : torch::nn::Module {
  explicit AttentionImpl(const GptOptions& options)
      : heads(options.heads), dropout(options.dropout) {
    qkv = register_module("qkv", torch::nn::Linear(options.width, 3 * options.width));
    projection = register_module("projection", torch::nn::Linear(options.width, options.width));
  }

  torch::Tensor forward(const torch::Tensor& features) {
    // [batch, length, width] to three of [batch, heads, length, width / heads].
    const auto parts = qkv(features)
                           .view({features.size(0), features.size(1), 3, heads, -1})
                           .permute({2, 0, 3, 1, 4})
                           .unbind();
    const auto mixed =
        at::scaled_dot_product_attention(parts[0], parts[1], parts[2], /*attn_mask=*/{},
                                         is_training() ? dropout : 0, /*is_causal=*/true);
    return projection(mixed.transpose(1, 2).flatten(2));
  }

  int64_t heads;
  double dropout;
  torch::nn::Linear qkv{nullptr}, projection{nullptr};
};
TORCH_MODULE(Attention);

struct BlockImpl : torch::nn::Module {
  explicit BlockImpl(const GptOptions& options) {
    const int64_t width = options.width;
    attention_norm = register_module("attention_norm",
                                     torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
    attention = register_module("attention", Attention(options));
    mlp_norm =
        register_module("mlp_norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({width})));
    expand = register_module(
        "expand",
        FusedLinear(FusedLinearOptions{
            .in_features = width, .out_features = 4 * width, .activation = Activation::kGeluTanh}));
    contract = register_module("contract", torch::nn::Linear(4 * width, width));
    dropout = register_module("dropout", torch::nn::Dropout(options.dropout));
  }

  torch::Tensor forward(torch::Tensor features) {
    features = features + dropout(attention(attention_norm(features)));
    return features + dropout(contract(expand(mlp_norm(features))));
  }

  torch::nn::LayerNorm attention_norm{nullptr}, mlp_norm{nullptr};
  Attention attention{nullptr};
  FusedLinear expand{nullptr};
  torch::nn::Linear contract{nullptr};
  torch::nn::Dropout dropout{nullptr};
};
TORCH_MODULE(Block);

void check(const GptOptions& options) {
  TORCH_CHECK(options.layers > 0 && options.heads > 0 && options.width > 0 && options.block > 0,
              "a GPT with ", options.layers, " layers, ", options.heads, " heads, a width of ",
              options.width, " and a block of ", options.block,
              " cannot be built; each must be at least 1");
  TORCH_CHECK(options.width % options.heads == 0, "a width of ", options.width,
              " cannot be divided between ", options.heads,
              " heads; make the width a multiple of the heads");
  TORCH_CHECK(options.dropout >= 0 && options.dropout < 1, "a dropout of ", options.dropout,
              " makes no sense; it is a share, from 0 to below 1");
}

void draw_weights(torch::nn::Module& model, int64_t layers) {
  for (auto& item : model.named_parameters()) {
    const std::string& name = item.key();
    if (name.ends_with(".bias")) torch::nn::init::zeros_(item.value());
    // A norm's weight stays one.
    if (item.value().dim() < 2) continue;
    // Each layer adds two outputs to the features, which should not grow with the depth.
    const bool is_added =
        name.ends_with(".projection.weight") || name.ends_with(".contract.weight");
    torch::nn::init::normal_(item.value(), 0,
                             is_added ? 0.02 / std::sqrt(2.0 * static_cast<double>(layers)) : 0.02);
  }
}

}  // namespace

GptImpl::GptImpl(const GptOptions& options) : options_(options) {
  check(options);
  token_embedding_ =
      register_module("token_embedding", torch::nn::Embedding(options.vocabulary, options.width));
  position_embedding_ =
      register_module("position_embedding", torch::nn::Embedding(options.block, options.width));
  dropout_ = register_module("dropout", torch::nn::Dropout(options.dropout));
  blocks_ = register_module("blocks", torch::nn::ModuleList());
  for (int64_t i = 0; i < options.layers; ++i) blocks_->push_back(Block(options));
  norm_ =
      register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({options.width})));
  draw_weights(*this, options.layers);
}

torch::Tensor GptImpl::forward(const torch::Tensor& characters) {
  const auto positions = torch::arange(characters.size(1), characters.options());
  auto features = dropout_(token_embedding_(characters) + position_embedding_(positions));
  for (const auto& block : *blocks_) features = block->as<BlockImpl>()->forward(features);
  // The head is the token embedding. A Linear whose weight was set to the embedding's would have
  // registered a weight of its own before, and parameters() would go on to list that orphan, which
  // gets no gradient.
  return F::linear(norm_(features), token_embedding_->weight);
}

std::vector<torch::optim::OptimizerParamGroup> decay_groups(
    const torch::nn::Module& model, const torch::optim::AdamWOptions& options) {
  std::vector<torch::Tensor> matrices, others;
  for (const auto& parameter : model.parameters()) {
    (parameter.dim() >= 2 ? matrices : others).push_back(parameter);
  }
  auto without_decay = std::make_unique<torch::optim::AdamWOptions>(options);
  without_decay->weight_decay(0);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::move(matrices), std::make_unique<torch::optim::AdamWOptions>(options));
  groups.emplace_back(std::move(others), std::move(without_decay));
  return groups;
}

void load_weights(torch::nn::Module& model, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  TORCH_CHECK(in.good(), "the weights file ", file,
              " cannot be read; check its path, or leave out --weights");
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in),
                                std::istreambuf_iterator<char>()};
  c10::IValue value;
  try {
    value = torch::pickle_load(bytes);
  } catch (const std::exception&) {
    // What LibTorch says here is about zip archives and opcodes; the value stays None.
  }
  TORCH_CHECK(value.isGenericDict(), "the weights file ", file,
              " holds no dict of names and tensors; write it in Python with "
              "torch.save({name: tensor.detach() ...}, file)");
  const auto dict = value.toGenericDict();

  torch::NoGradGuard no_grad;
  const auto parameters = model.named_parameters();
  for (const auto& item : parameters) {
    const auto entry = dict.find(item.key());
    TORCH_CHECK(entry != dict.end() && entry->value().isTensor(), "the weights file ", file,
                " has no tensor `", item.key(), "`; save all of the model's parameters");
    const torch::Tensor tensor = entry->value().toTensor();
    TORCH_CHECK(tensor.sizes() == item.value().sizes(), "the weights file ", file, " has `",
                item.key(), "` of shape ", tensor.sizes(), " and this model needs ",
                item.value().sizes(), "; give the sizes and the text that it was saved with");
    item.value().copy_(tensor);
  }
  for (const auto& entry : dict) {
    TORCH_CHECK(entry.key().isString() && parameters.contains(entry.key().toStringRef()),
                "the weights file ", file, " has `", entry.key(),
                "`, which this model has not; give the sizes that it was saved with");
  }
}

}  // namespace accelerate::train
