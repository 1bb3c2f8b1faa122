// The recipes of docs/porting.md in one program.
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"

ABSL_FLAG(int, epochs, 8, "passes over the training data");
ABSL_FLAG(double, lr, 1e-2, "learning rate after the warm-up");
ABSL_FLAG(int, patience, 3, "epochs without a better accuracy after which the training ends");
ABSL_FLAG(double, max_seconds, 600, "time after which the training ends");
ABSL_FLAG(std::string, folder, "/tmp/quadrants", "where the run is saved, and resumed from");
ABSL_FLAG(bool, find_rate, false, "print the loss at rising learning rates");
ABSL_FLAG(bool, count_steps, false, "print how far schedules get in an epoch");

namespace {

// Random points of the plane, each labelled with its quadrant.
accelerate::TensorDataset quadrants(int64_t count) {
  const torch::Tensor points = torch::randn({count, 2});
  const torch::Tensor is_positive = (points > 0).to(torch::kLong);
  return {points, 2 * is_positive.select(1, 0) + is_positive.select(1, 1)};
}

struct NetImpl : torch::nn::Module {
  torch::Tensor forward(torch::Tensor points) { return output(torch::relu(hidden(points))); }

  torch::nn::Linear hidden = register_module("hidden", torch::nn::Linear(2, 32));
  torch::nn::Linear output = register_module("output", torch::nn::Linear(32, 4));
};
TORCH_MODULE(Net);

template <class Accelerator, class Model, class Loader>
double accuracy(Accelerator& accelerator, Model& model, Loader& loader) {
  torch::NoGradGuard no_grad;
  model->eval();
  int64_t correct = 0, total = 0;
  for (auto& batch : loader) {
    const torch::Tensor hits =
        accelerator.gather_for_metrics(model(batch.data).argmax(1) == batch.target);
    correct += hits.sum().item<int64_t>();
    total += hits.size(0);
  }
  model->train();
  accelerator.print("evaluated ", total, " samples");
  return static_cast<double>(correct) / total;
}

// With a decay of 0 the averages become the weights.
void update_ema(torch::nn::Module& ema, const torch::nn::Module& net, double decay) {
  torch::NoGradGuard no_grad;
  const auto averages = ema.parameters(), weights = net.parameters();
  for (size_t i = 0; i < weights.size(); ++i) averages[i].lerp_(weights[i], 1 - decay);
  const auto copies = ema.buffers(), buffers = net.buffers();
  for (size_t i = 0; i < buffers.size(); ++i) copies[i].copy_(buffers[i]);
}

template <class Accelerator>
void find_rate(Accelerator& accelerator) {
  Net net;
  torch::optim::AdamW adamw(net->parameters());
  auto [model, optimizer, loader] = accelerator.prepare(
      net, adamw, accelerate::DataLoader(quadrants(4096), {.batch_size = 32, .shuffle = true}));
  double rate = 1e-5, lowest = std::numeric_limits<double>::infinity();
  for (auto& batch : loader) {
    for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);
    optimizer.zero_grad();
    torch::Tensor loss = torch::nn::functional::cross_entropy(model(batch.data), batch.target);
    accelerator.backward(loss);
    optimizer.step();
    // The same number on all ranks, which therefore leave the loop together.
    const double mean = accelerator.reduce(loss.item<double>(), accelerate::ReduceOp::kMean);
    accelerator.print("rate ", rate, " loss ", mean);
    lowest = std::min(lowest, mean);
    if (mean > 4 * lowest || rate > 10) break;
    rate *= 1.3;
  }
}

template <class Accelerator>
void count_steps(Accelerator& accelerator) {
  Net net;
  torch::optim::SGD sgd(net->parameters(), torch::optim::SGDOptions(0.1));
  accelerate::DataLoader data(quadrants(256), {.batch_size = 8});
  accelerate::LambdaLR by_batch(sgd, [](int64_t) { return 1.0; });
  accelerate::LambdaLR by_update(sgd, [](int64_t) { return 1.0; });
  accelerate::StepLR by_epoch(sgd, {.step_size = 30});
  auto [model, optimizer, loader, batches, updates, epochs] =
      accelerator.prepare(net, sgd, data, by_batch, accelerate::counted_in_updates(by_update),
                          accelerate::counted_in_epochs(by_epoch));
  for (auto& batch : loader) {
    optimizer.zero_grad();
    accelerator.backward(torch::nn::functional::cross_entropy(model(batch.data), batch.target));
    optimizer.step();
    batches.step();
    updates.step();
  }
  epochs.step();
  accelerator.print("in one epoch: batches ", by_batch.last_epoch(), ", updates ",
                    by_update.last_epoch(), ", epochs ", by_epoch.last_epoch());
}

template <class Accelerator>
void train(Accelerator& accelerator) {
  torch::manual_seed(1);
  if (absl::GetFlag(FLAGS_find_rate)) return find_rate(accelerator);
  if (absl::GetFlag(FLAGS_count_steps)) return count_steps(accelerator);
  const int epochs = absl::GetFlag(FLAGS_epochs);
  const std::string folder = absl::GetFlag(FLAGS_folder);

  accelerate::DataLoader data(quadrants(1024), {.batch_size = 32, .shuffle = true});
  accelerate::DataLoader test_data(quadrants(500), {.batch_size = 32});
  Net net;
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(absl::GetFlag(FLAGS_lr)));
  accelerate::CosineDecay cosine(adamw, {.warmup_steps = 16, .total_steps = epochs * data.size()});
  auto [model, optimizer, loader, test_loader, scheduler] =
      accelerator.prepare(net, adamw, data, test_data, cosine);

  Net ema;
  ema->to(accelerator.device());
  update_ema(*ema, *model, /*decay=*/0);
  accelerator.register_for_checkpointing("ema", ema);

  auto step = accelerator.capture([&](auto& batch) {
    optimizer.zero_grad();
    auto loss = torch::nn::functional::cross_entropy(model(batch.data), batch.target);
    accelerator.backward(loss);
    optimizer.step();
    scheduler.step();
    return loss.detach();
  });

  accelerator.set_checkpoints({.folder = folder, .keep = 3, .asynchronous = true});
  accelerator.resume();
  accelerate::Progress& progress = accelerator.progress();
  double& best = progress.numbers["best_accuracy"];
  double& since_best = progress.numbers["epochs_since_best"];
  const auto start = std::chrono::steady_clock::now();
  for (; progress.epoch < epochs; progress.next_epoch()) {
    for (auto& batch : loader) {
      step(batch);
      update_ema(*ema, *model, /*decay=*/0.98);
      if (++progress.step % 20 == 0) accelerator.save_state();
    }

    const double current = accuracy(accelerator, model, test_loader);
    accelerator.print("epoch ", progress.epoch + 1, " accuracy ", current);
    ++since_best;
    if (current > best) {
      best = current;
      since_best = 0;
      accelerator.save_model(model, folder + "/best");
    }

    const bool stop = accelerator.is_main_process() && since_best >= absl::GetFlag(FLAGS_patience);
    if (accelerator.broadcast(stop)) break;

    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (elapsed.count() > absl::GetFlag(FLAGS_max_seconds)) accelerator.set_trigger();
    if (accelerator.check_trigger()) break;
  }

  accelerator.print("accuracy of the averages ", accuracy(accelerator, ema, test_loader));
  accelerator.load_model(model, folder + "/best");
  accelerator.print("best accuracy ", accuracy(accelerator, model, test_loader));
}

}  // namespace

ACCELERATE_MAIN(train)
