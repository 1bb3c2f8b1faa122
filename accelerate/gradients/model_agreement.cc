#include "accelerate/gradients/model_agreement.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/view_as_real.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/nn/modules/embedding.h>

#include <map>
#include <sstream>
#include <vector>

namespace accelerate {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A line for each tensor: what it is, its name, type and shape.
std::string describe(const torch::nn::Module& module) {
  std::ostringstream out;
  for (const auto& item : module.named_parameters()) {
    out << "parameter `" << item.key() << "` " << item.value().scalar_type() << ' '
        << item.value().sizes() << (item.value().requires_grad() ? "" : " frozen") << '\n';
  }
  for (const auto& item : module.named_buffers()) {
    out << "buffer `" << item.key() << "` " << item.value().scalar_type() << ' '
        << item.value().sizes() << '\n';
  }
  return out.str();
}

// Before the first step rather than in it.
void refuse_sparse_embeddings(const torch::nn::Module& module) {
  const auto check = [](const std::string& name, const auto* embedding) {
    TORCH_CHECK(embedding == nullptr || !embedding->options.sparse() ||
                    !embedding->weight.is_cuda() || !embedding->weight.requires_grad(),
                "the embedding `", name,
                "` has sparse gradients, which several GPUs cannot average; make it dense "
                "(EmbeddingOptions::sparse(false)), or freeze it");
  };
  const auto check_both = [&check](const std::string& name, const torch::nn::Module& each) {
    check(name, each.as<torch::nn::EmbeddingImpl>());
    check(name, each.as<torch::nn::EmbeddingBagImpl>());
  };
  check_both(module.name(), module);
  // Without the module itself, which need not be in a shared_ptr.
  for (const auto& item : module.named_modules("", /*include_self=*/false))
    check_both(item.key(), *item.value());
}

// A broadcast for each type rather than for each tensor: small models are all latency.
void broadcast_tensors(Communicator& communicator, const std::vector<at::Tensor>& tensors,
                       int root) {
  c10::AutoGradMode no_grad(false);
  std::map<c10::ScalarType, std::vector<at::Tensor>> by_type;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.defined() && tensor.numel() > 0) by_type[tensor.scalar_type()].push_back(tensor);
  }
  for (auto& [type, members] : by_type) {
    std::vector<at::Tensor> pieces;
    for (const at::Tensor& member : members) pieces.push_back(member.detach().reshape(-1));
    at::Tensor flat = at::cat(pieces);
    // Not every backend knows bool, whose bytes are all the same to a broadcast, or complex
    // numbers.
    at::Tensor carried = type == at::kBool          ? flat.view(at::kByte)
                         : c10::isComplexType(type) ? at::view_as_real(flat)
                                                    : flat;
    communicator.broadcast(carried, root);
    if (communicator.rank() == root) continue;
    int64_t offset = 0;
    for (const at::Tensor& member : members) {
      // Without a new version: a backward pass may still have saved the old values of a buffer,
      // which it does not use in training, and which BatchNorm itself changes unseen as well.
      member.variable_data().copy_(flat.narrow(0, offset, member.numel()).view_as(member));
      offset += member.numel();
    }
  }
}

}  // namespace

void check_models_agree(Communicator& communicator, const torch::nn::Module& module) {
  if (communicator.size() == 1) return;
  refuse_sparse_embeddings(module);
  const std::vector<std::string> all = communicator.all_gather_bytes(describe(module));
  for (int rank = 1; rank < communicator.size(); ++rank) {
    if (all[rank] == all[0]) continue;
    std::vector<std::string> expected = lines_of(all[0]);
    std::vector<std::string> found = lines_of(all[rank]);
    const size_t size = std::max(expected.size(), found.size());
    expected.resize(size, "nothing");
    found.resize(size, "nothing");
    for (size_t i = 0; i < size; ++i) {
      TORCH_CHECK(expected[i] == found[i], "the model `", module.name(),
                  "` is not the same on all ranks: rank 0 has ", expected[i], ", rank ", rank,
                  " has ", found[i], "; build it in the same way on every rank, whatever the rank");
    }
  }
}

void broadcast_parameters_and_buffers(Communicator& communicator, const torch::nn::Module& module,
                                      int root) {
  if (communicator.size() == 1) return;
  std::vector<at::Tensor> tensors = module.parameters();
  for (const at::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  broadcast_tensors(communicator, tensors, root);
}

void broadcast_buffers(Communicator& communicator, const torch::nn::Module& module, int root) {
  if (communicator.size() == 1) return;
  broadcast_tensors(communicator, module.buffers(), root);
}

}  // namespace accelerate
