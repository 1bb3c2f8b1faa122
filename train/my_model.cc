// Trains a small convolutional network on images of handwritten digits: the example to read first.
//
//   bazel run //train:my_model -- --num_processes=2
#include <torch/torch.h>

#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "train/digits.h"

ABSL_FLAG(std::string, data, "",
          "CSV file with 64 pixels and a label on each line; by default the UCI digits");
ABSL_FLAG(int, epochs, 15, "passes over the training images");
ABSL_FLAG(int, batch_size, 32, "images that each process takes in a step");
ABSL_FLAG(double, lr, 4e-3, "learning rate at the start");
ABSL_FLAG(int, seed, 42, "seed of the weights, the split and the shuffle");
ABSL_FLAG(double, dropout, 0, "share of the features that each training step leaves out");
ABSL_FLAG(double, clip, 0, "largest norm of the gradients; 0 for no limit");
ABSL_FLAG(bool, capture, false, "record the training step once and replay it");
ABSL_FLAG(std::string, save, "", "file to write the trained network to, by torch::save()");
ABSL_FLAG(std::string, checkpoints, "",
          "folder to save the run in; started again, the program resumes the run from there");
ABSL_FLAG(int, save_every, 100, "updates between two checkpoints");
ABSL_FLAG(bool, report_ranks, false,
          "print what each rank saw, and a digest of the parameters it ended with");

namespace {

struct NetImpl : torch::nn::Module {
  explicit NetImpl(double dropout_rate) : dropout(dropout_rate) {
    register_module("dropout", dropout);
    convolution1 = register_module("convolution1", Convolution(1, 16));
    norm = register_module("norm", torch::nn::BatchNorm2d(16));
    convolution2 = register_module("convolution2", Convolution(16, 32));
    classifier = register_module("classifier", torch::nn::Linear(32 * 4 * 4, 10));
  }

  torch::Tensor forward(torch::Tensor images) {
    auto features = torch::relu(norm(convolution1(images)));
    features = torch::max_pool2d(torch::relu(convolution2(features)), 2);
    return classifier(dropout(features.flatten(1)));
  }

  static torch::nn::Conv2d Convolution(int64_t in, int64_t out) {
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(in, out, 3).padding(1));
  }

  torch::nn::Conv2d convolution1{nullptr}, convolution2{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Dropout dropout;
  torch::nn::Linear classifier{nullptr};
};
TORCH_MODULE(Net);

// Ranks that trained one model print one digest.
template <class Accelerator>
void report_rank(Accelerator& accelerator, const torch::nn::Module& module, int64_t images_seen) {
  std::string bytes;
  for (const auto& parameter : module.parameters()) {
    const auto values = parameter.detach().cpu().contiguous();
    bytes.append(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
  }
  std::ostringstream line;
  line << "rank " << accelerator.process_index() << " saw " << images_seen << " images, digest "
       << std::hash<std::string>()(bytes) << '\n';
  std::cout << line.str() << std::flush;
}

template <class Accelerator>
void train(Accelerator& accelerator) {
  const int seed = absl::GetFlag(FLAGS_seed), epochs = absl::GetFlag(FLAGS_epochs);
  const int64_t batch_size = absl::GetFlag(FLAGS_batch_size);
  const int save_every = absl::GetFlag(FLAGS_save_every);
  TORCH_CHECK(save_every > 0, "--save_every is ", save_every, "; it is a number, at least 1");
  const double clip = absl::GetFlag(FLAGS_clip);
  std::string file = absl::GetFlag(FLAGS_data);
  if (file.empty()) file = accelerate::data_file("accelerate/train/data/digits.csv");
  auto [train_set, test_set] = accelerate::train::Digits::read(file).split(0.8, seed);

  torch::manual_seed(seed);
  Net net(absl::GetFlag(FLAGS_dropout));
  torch::optim::AdamW adamw(net->parameters(), torch::optim::AdamWOptions(absl::GetFlag(FLAGS_lr)));
  auto [model, optimizer, loader, test_loader] = accelerator.prepare(
      net, adamw,
      accelerate::DataLoader(
          train_set,
          {.batch_size = batch_size, .shuffle = true, .seed = static_cast<uint64_t>(seed)}),
      accelerate::DataLoader(test_set, {.batch_size = batch_size}));
  accelerate::CosineDecay cosine(
      adamw, {.total_steps = epochs * loader.size() * accelerator.num_processes()});
  auto scheduler = accelerator.prepare(cosine);

  const auto step = [&](auto& batch) {
    optimizer.zero_grad();
    auto loss = torch::nn::functional::cross_entropy(model(batch.data), batch.target);
    accelerator.backward(loss);
    if (clip > 0) accelerator.clip_grad_norm(model, clip);
    optimizer.step();
    scheduler.step();
    return loss.detach();
  };
  auto captured_step = accelerator.capture(step);

  // Each rank's own state, in addition to what was prepared.
  auto total_loss = torch::zeros({}, accelerator.device());
  int64_t images_seen = 0;
  accelerator.register_for_checkpointing("total_loss", total_loss, {.of_each_rank = true});
  accelerator.register_for_checkpointing("images_seen", images_seen, {.of_each_rank = true});
  const std::string checkpoints = absl::GetFlag(FLAGS_checkpoints);
  accelerator.set_checkpoints({.folder = checkpoints, .keep = 3, .asynchronous = true});
  if (!checkpoints.empty()) accelerator.resume();

  auto& progress = accelerator.progress();
  for (; progress.epoch < epochs; progress.next_epoch()) {
    model->train();
    accelerate::ProgressBar bar(
        {.description = "epoch " + std::to_string(progress.epoch + 1), .leave = false});
    for (auto& batch : bar.over(loader)) {
      auto window = accelerator.accumulate(model);
      total_loss += absl::GetFlag(FLAGS_capture) ? captured_step(batch) : step(batch);
      images_seen += batch.data.size(0);
      if (checkpoints.empty() || !accelerator.sync_gradients()) continue;
      const bool stops = accelerator.should_stop();
      if (++progress.step % save_every == 0 || stops) accelerator.save_state();
      if (stops) return;
    }
    auto loss = accelerator.reduce(total_loss / loader.size(), accelerate::ReduceOp::kMean);
    accelerator.print("epoch ", progress.epoch + 1, " loss ", loss.template item<float>());
    total_loss.zero_();
  }
  const std::string save = absl::GetFlag(FLAGS_save);
  if (!save.empty() && accelerator.is_main_process()) torch::save(net, save);
  if (absl::GetFlag(FLAGS_report_ranks)) report_rank(accelerator, *model, images_seen);

  model->eval();
  torch::NoGradGuard no_grad;
  int64_t correct = 0, total = 0;
  for (auto& batch : test_loader) {
    auto [predicted, label] =
        accelerator.gather_for_metrics(std::tuple(model(batch.data).argmax(1), batch.target));
    correct += (predicted == label).sum().template item<int64_t>();
    total += label.size(0);
  }
  accelerator.print("test accuracy ", std::fixed, std::setprecision(3),
                    static_cast<double>(correct) / total);
}

}  // namespace

ACCELERATE_MAIN(train)
