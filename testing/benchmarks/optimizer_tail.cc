// Steps per second of what follows a backward pass in fp16: the check for an overflow, unscaling,
// norm, clipping, AdamW and zeroing, over gradients that are there. The parameters have the shapes
// of a GPT-2. Run by compare_gpu.py, in turn with optimizer_tail_peer.py.
#include <torch/torch.h>

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "testing/benchmarks/stopwatch.h"

ABSL_FLAG(int64_t, vocabulary, 50257, "different tokens");
ABSL_FLAG(int64_t, layers, 12, "transformer blocks");
ABSL_FLAG(int64_t, width, 768, "features of each token");
ABSL_FLAG(int64_t, block, 1024, "tokens in each sequence");
ABSL_FLAG(int64_t, steps, 100, "steps that are timed, after 5 that are not");

namespace {

// Holds parameters of the shapes that train/gpt.h has, all of one value.
struct ParametersImpl : torch::nn::Module {
  explicit ParametersImpl(c10::Device device) {
    const int64_t width = absl::GetFlag(FLAGS_width);
    std::vector<std::vector<int64_t>> shapes{{absl::GetFlag(FLAGS_vocabulary), width},
                                             {absl::GetFlag(FLAGS_block), width}};
    for (int64_t layer = 0; layer < absl::GetFlag(FLAGS_layers); ++layer) {
      for (const auto& [out, in] :
           {std::pair{3 * width, width}, {width, width}, {4 * width, width}, {width, 4 * width}}) {
        shapes.push_back({out, in});
        shapes.push_back({out});
      }
      // Two norms.
      shapes.insert(shapes.end(), 4, {width});
    }
    shapes.insert(shapes.end(), 2, {width});
    for (size_t i = 0; i < shapes.size(); ++i)
      register_parameter(std::to_string(i), torch::full(shapes[i], 0.5, device));
  }
};
TORCH_MODULE(Parameters);

template <class Accelerator>
void train(Accelerator& accelerator) {
  // As its peer, where the CPU does the work.
  at::set_num_threads(1);
  Parameters module(accelerator.device());
  torch::optim::AdamW adamw(module->parameters(), torch::optim::AdamWOptions(1e-3));
  auto [model, optimizer] = accelerator.prepare(module, adamw);
  const std::vector<at::Tensor> parameters = module->parameters();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& each : parameters) gradients.push_back(torch::full_like(each, 0.25));

  accelerate::benchmarks::Stopwatch stopwatch({.warm_up = 5, .steps = absl::GetFlag(FLAGS_steps)});
  for (int64_t step = 0; step < stopwatch.total(); ++step) {
    for (size_t i = 0; i < parameters.size(); ++i) parameters[i].mutable_grad() = gradients[i];
    const at::Tensor norm = accelerator.clip_grad_norm(model, 1.0);
    optimizer.step();
    optimizer.zero_grad();
    // In the place of a loss: the norm that both sides find, times what a parameter came to.
    stopwatch.after_step(step == 0 ? norm * parameters[0].detach()[0][0] : norm);
  }
}

}  // namespace

ACCELERATE_MAIN(train)
