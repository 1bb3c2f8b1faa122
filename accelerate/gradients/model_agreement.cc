#include "accelerate/gradients/model_agreement.h"

#include <c10/util/Exception.h>
#include <torch/nn/modules/embedding.h>

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
                  " has ", found[i], "; build the same model on every rank");
    }
  }
}

}  // namespace accelerate
