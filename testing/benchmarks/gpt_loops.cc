// Tokens per second of a GPT-2 of any size on random tokens, which lie on the device: AdamW in two
// groups, no loader, no schedule. Run by compare_gpu.py, in turn with gpt_loops_peer.py.
#include <torch/torch.h>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "testing/benchmarks/stopwatch.h"
#include "train/gpt.h"

ABSL_FLAG(bool, capture, false, "record the training step once and replay it, on a GPU");
ABSL_FLAG(int64_t, vocabulary, 50257, "different tokens");
ABSL_FLAG(int64_t, layers, 12, "transformer blocks");
ABSL_FLAG(int64_t, heads, 12, "attention heads of each block");
ABSL_FLAG(int64_t, width, 768, "features of each token");
ABSL_FLAG(int64_t, block, 1024, "tokens in each sequence");
ABSL_FLAG(int64_t, batch_size, 8, "sequences in a step");
ABSL_FLAG(int64_t, steps, 20, "steps that are timed, after as many that are not");

namespace {

constexpr int64_t kBatches = 4;

template <class Accelerator>
void train(Accelerator& accelerator) {
  // As its peer, where the CPU does the work.
  at::set_num_threads(1);
  torch::manual_seed(0);
  const int64_t vocabulary = absl::GetFlag(FLAGS_vocabulary), block = absl::GetFlag(FLAGS_block),
                batch_size = absl::GetFlag(FLAGS_batch_size), steps = absl::GetFlag(FLAGS_steps);
  const at::Tensor tokens =
      torch::randint(0, vocabulary, {kBatches, batch_size, block + 1}).to(accelerator.device());
  accelerate::train::Gpt gpt(accelerate::train::GptOptions{.vocabulary = vocabulary,
                                                           .layers = absl::GetFlag(FLAGS_layers),
                                                           .heads = absl::GetFlag(FLAGS_heads),
                                                           .width = absl::GetFlag(FLAGS_width),
                                                           .block = block});
  const auto options = torch::optim::AdamWOptions(3e-4).betas({0.9, 0.95}).weight_decay(0.1);
  torch::optim::AdamW adamw(accelerate::train::decay_groups(*gpt, options), options);
  auto [model, optimizer] = accelerator.prepare(gpt, adamw);

  const auto step = [&](const at::Tensor& batch) {
    optimizer.zero_grad();
    auto loss = torch::cross_entropy_loss(model(batch.narrow(1, 0, block)).flatten(0, 1),
                                          batch.narrow(1, 1, block).flatten());
    accelerator.backward(loss);
    optimizer.step();
    return loss.detach();
  };
  auto captured = accelerator.capture(step);
  const bool capture = absl::GetFlag(FLAGS_capture);
  accelerate::benchmarks::Stopwatch stopwatch({.warm_up = steps,
                                               .steps = steps,
                                               .amount = static_cast<double>(batch_size * block),
                                               .unit = "tokens"});
  for (int64_t i = 0; i < stopwatch.total(); ++i) {
    const at::Tensor batch = tokens[i % kBatches];
    stopwatch.after_step(capture ? captured(batch) : step(batch));
  }
  TORCH_CHECK(!capture || !captured.refusal(), "the step was not captured: ", *captured.refusal());
}

}  // namespace

ACCELERATE_MAIN(train)
