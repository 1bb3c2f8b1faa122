// Trains a small GPT to write text, one character after the other, on any text files.
//
//   bazel run //train:char_gpt -- --num_processes=2 --data=shakespeare.txt
//
// or on files of tokens, each of which is a byte. `accelerate tokens` makes such files from texts
// that are too large for memory:
//
//   bazel run //train:char_gpt -- --tokens='train_*.bin'
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/flags/flag.h"
#include "accelerate/accelerate.h"
#include "train/gpt.h"
#include "train/text.h"

ABSL_FLAG(std::vector<std::string>, data, {},
          "text files, separated by commas; by default this project's own documentation");
ABSL_FLAG(std::string, tokens, "",
          "files of tokens to train on instead of --data: a name or a pattern; a token is a byte");
ABSL_FLAG(int, layers, 2, "transformer blocks");
ABSL_FLAG(int, heads, 4, "attention heads of each block");
ABSL_FLAG(int, width, 128, "features of each character");
ABSL_FLAG(int, block, 64, "characters of context that the model sees");
ABSL_FLAG(double, dropout, 0, "share of the features that each training step leaves out");
ABSL_FLAG(int, batch_size, 16, "pieces of text that each process takes in a step");
ABSL_FLAG(int, steps, 600, "optimizer steps");
ABSL_FLAG(double, lr, 3e-3, "highest learning rate");
ABSL_FLAG(int, warmup_steps, 100, "steps in which the learning rate rises to its highest");
ABSL_FLAG(double, weight_decay, 0.1, "weight decay of matrices; biases and norms have none");
ABSL_FLAG(bool, bf16_moments, false, "keep AdamW's moments in bfloat16, which halves their memory");
ABSL_FLAG(int, seed, 42, "seed of the weights, the shuffle, dropout and the sample");
ABSL_FLAG(bool, shuffle, true, "take the pieces of text in random order");
ABSL_FLAG(std::string, weights, "",
          "file with the initial weights, written by Python's torch.save");
ABSL_FLAG(int, sample, 400, "characters to write at the end");
ABSL_FLAG(double, temperature, 0.7,
          "temperature of the sample; 0 always writes the likeliest character");
ABSL_FLAG(int, log_every, 50, "steps between two lines of progress");
ABSL_FLAG(std::string, checkpoints, "",
          "folder to save the run in; started again, the program resumes the run from there");
ABSL_FLAG(int, save_every, 100, "steps between two checkpoints");
ABSL_FLAG(bool, capture, false, "record the training step once and replay it");
ABSL_FLAG(std::string, run, "",
          "name under which to log the run's losses, for TensorBoard and `accelerate runs`");
ABSL_FLAG(std::string, runs, "runs", "folder of the runs that --run logs");
ABSL_FLAG(std::string, report, "", "page to write at the end, which shows where the time went");
ABSL_FLAG(std::string, profile, "", "folder for a trace of a few steps of each rank");
ABSL_FLAG(std::string, watch, "",
          "ends the run with an error if gradients are not finite, and saves the batch that they "
          "came from in this folder; with --run, also logs norms");
ABSL_FLAG(bool, report_memory, false,
          "print at the end the memory that parameters, gradients and optimizer hold on rank 0");
ABSL_FLAG(bool, report_losses, false, "print the mean loss of each step with nine digits");

namespace {

using accelerate::train::Gpt;
using accelerate::train::Text;

// Pieces of a text in memory, or of files of tokens.
class Pieces : public torch::data::datasets::BatchDataset<Pieces, torch::data::Example<>> {
 public:
  using Source = std::variant<accelerate::train::Windows, accelerate::TokenFile>;
  explicit Pieces(Source source) : source_(std::move(source)) {}

  torch::data::Example<> get_batch(c10::ArrayRef<size_t> indices) override {
    return std::visit([indices](auto& source) { return source.get_batch(indices); }, source_);
  }
  std::optional<size_t> size() const override {
    return std::visit([](const auto& source) { return source.size(); }, source_);
  }
  void set_epoch(int64_t epoch) {
    if (auto* const tokens = std::get_if<accelerate::TokenFile>(&source_)) tokens->set_epoch(epoch);
  }

 private:
  Source source_;
};

// What to learn, and how to write it as text.
struct Corpus {
  Pieces pieces;
  // The text of each number.
  std::vector<std::string> vocabulary;
  // The numbers of the text's first character, [1], and how many there are.
  at::Tensor first;
  int64_t length = 0;
  // Whether the loader has to shuffle the pieces, which are in the order of the text.
  bool shuffle = false;
};

Corpus read_text() {
  std::vector<std::string> files = absl::GetFlag(FLAGS_data);
  if (files.empty()) {
    files = {accelerate::data_file("accelerate/README.md"),
             accelerate::data_file("accelerate/CONTRIBUTING.md")};
  }
  const Text text = Text::read(files);
  return {Pieces(accelerate::train::Windows(text, absl::GetFlag(FLAGS_block))), text.vocabulary(),
          text.characters().narrow(0, 0, 1), text.characters().size(0),
          absl::GetFlag(FLAGS_shuffle)};
}

Corpus read_tokens() {
  constexpr int64_t kBytes = 256;
  const std::string files = absl::GetFlag(FLAGS_tokens);
  // Random places need no order of an epoch, which would take memory for each token.
  const accelerate::TokenFile tokens(files,
                                     {.sequence_length = absl::GetFlag(FLAGS_block),
                                      .random = absl::GetFlag(FLAGS_shuffle),
                                      .seed = static_cast<uint64_t>(absl::GetFlag(FLAGS_seed)),
                                      .vocabulary_size = kBytes});
  accelerate::TokenFile one_by_one(files, {.sequence_length = 1, .vocabulary_size = kBytes});
  std::vector<std::string> vocabulary;
  for (int64_t byte = 0; byte < kBytes; ++byte) vocabulary.emplace_back(1, static_cast<char>(byte));
  return {Pieces(tokens), std::move(vocabulary), one_by_one.get_batch(size_t{0}).data.flatten(),
          tokens.num_tokens(), false};
}

Corpus read_corpus() {
  const bool has_tokens = !absl::GetFlag(FLAGS_tokens).empty();
  TORCH_CHECK(!has_tokens || absl::GetFlag(FLAGS_data).empty(),
              "there are --data and --tokens; give one of them");
  return has_tokens ? read_tokens() : read_text();
}

Gpt make_gpt(int64_t vocabulary) {
  Gpt gpt(accelerate::train::GptOptions{.vocabulary = vocabulary,
                                        .layers = absl::GetFlag(FLAGS_layers),
                                        .heads = absl::GetFlag(FLAGS_heads),
                                        .width = absl::GetFlag(FLAGS_width),
                                        .block = absl::GetFlag(FLAGS_block),
                                        .dropout = absl::GetFlag(FLAGS_dropout)});
  const std::string file = absl::GetFlag(FLAGS_weights);
  if (!file.empty()) accelerate::train::load_weights(*gpt, file);
  return gpt;
}

void check_flags() {
  TORCH_CHECK(absl::GetFlag(FLAGS_log_every) > 0, "--log_every is ", absl::GetFlag(FLAGS_log_every),
              "; it is a number of steps, at least 1");
  TORCH_CHECK(absl::GetFlag(FLAGS_sample) >= 0, "--sample is ", absl::GetFlag(FLAGS_sample),
              "; it is a number of characters, or 0 for none");
  TORCH_CHECK(absl::GetFlag(FLAGS_temperature) >= 0, "--temperature is ",
              absl::GetFlag(FLAGS_temperature), "; it must not be below 0");
  TORCH_CHECK(absl::GetFlag(FLAGS_save_every) > 0, "--save_every is ",
              absl::GetFlag(FLAGS_save_every), "; it is a number of steps, at least 1");
}

// A page that cannot be written must not cost what has been trained.
void save_page(const accelerate::RunReport& report, const std::string& path) {
  try {
    report.save_page(path);
  } catch (const c10::Error& error) {
    accelerate::get_logger("char_gpt").error("%s", error.what_without_backtrace());
  }
}

int64_t parameter_count(const torch::nn::Module& module) {
  int64_t count = 0;
  for (const auto& parameter : module.parameters()) count += parameter.numel();
  return count;
}

// What the model writes, beginning with the text's first character.
std::string sample(Gpt& gpt, const Corpus& corpus, c10::Device device) {
  gpt->eval();
  torch::NoGradGuard no_grad;
  auto generator = at::detail::createCPUGenerator(absl::GetFlag(FLAGS_seed));
  const double temperature = absl::GetFlag(FLAGS_temperature);
  auto characters = corpus.first.unsqueeze(0).to(device);
  std::string written = corpus.vocabulary[characters.item<int64_t>()];
  while (characters.size(1) <= absl::GetFlag(FLAGS_sample)) {
    const int64_t block = gpt->options().block, length = characters.size(1);
    const auto context =
        characters.narrow(1, std::max<int64_t>(0, length - block), std::min(length, block));
    const auto logits = gpt(context).select(1, -1).cpu();
    const auto next = temperature > 0 ? torch::multinomial(torch::softmax(logits / temperature, 1),
                                                           1, false, generator)
                                      : logits.argmax(1, /*keepdim=*/true);
    written += corpus.vocabulary[next.item<int64_t>()];
    characters = torch::cat({characters, next.to(device)}, 1);
  }
  return written;
}

template <class Accelerator>
void train(Accelerator& accelerator) {
  check_flags();
  const int seed = absl::GetFlag(FLAGS_seed), steps = absl::GetFlag(FLAGS_steps);
  const int processes = accelerator.num_processes();
  const int64_t batch_size = absl::GetFlag(FLAGS_batch_size);
  const Corpus corpus = read_corpus();

  torch::manual_seed(seed);
  Gpt gpt = make_gpt(static_cast<int64_t>(corpus.vocabulary.size()));
  const auto adamw_options = torch::optim::AdamWOptions(absl::GetFlag(FLAGS_lr))
                                 .betas({0.9, 0.95})
                                 .weight_decay(absl::GetFlag(FLAGS_weight_decay));
  torch::optim::AdamW adamw(accelerate::train::decay_groups(*gpt, adamw_options), adamw_options);
  // Counted in steps of one process: a step of the run takes as many as there are processes.
  accelerate::CosineDecay cosine(adamw,
                                 {.warmup_steps = absl::GetFlag(FLAGS_warmup_steps) * processes,
                                  .total_steps = steps * processes});
  if (absl::GetFlag(FLAGS_bf16_moments))
    accelerator.set_moments(
        {.type = accelerate::MomentType::kBf16, .seed = static_cast<uint64_t>(seed)});
  auto [model, optimizer, loader, scheduler] = accelerator.prepare(
      gpt, adamw,
      accelerate::DataLoader(corpus.pieces, {.batch_size = batch_size,
                                             .shuffle = corpus.shuffle,
                                             .seed = static_cast<uint64_t>(seed)}),
      cosine);
  accelerator.print(parameter_count(*gpt), " parameters, ", corpus.vocabulary.size(),
                    " different characters in a text of ", corpus.length);
  // Each rank drops out different features.
  torch::manual_seed(seed + accelerator.process_index());

  const auto train_step = [&, &model = model, &optimizer = optimizer,
                           &scheduler = scheduler](const torch::data::Example<>& batch) {
    optimizer.zero_grad();
    auto loss = torch::nn::functional::cross_entropy(model(batch.data).flatten(0, 1),
                                                     batch.target.flatten());
    accelerator.backward(loss);
    optimizer.step();
    scheduler.step();
    return loss.detach();
  };
  auto captured_step = accelerator.capture(train_step);
  const bool capture = absl::GetFlag(FLAGS_capture);

  const bool report_losses = absl::GetFlag(FLAGS_report_losses);
  const int log_every = absl::GetFlag(FLAGS_log_every);
  auto logged_at = std::chrono::steady_clock::now();
  int64_t tokens = 0;
  const std::string checkpoints = absl::GetFlag(FLAGS_checkpoints);
  accelerator.set_checkpoints({.folder = checkpoints, .keep = 3, .asynchronous = true});
  const std::string run = absl::GetFlag(FLAGS_run), report = absl::GetFlag(FLAGS_report);
  if (!run.empty())
    accelerator.init_trackers(run,
                              {{"layers", absl::GetFlag(FLAGS_layers)},
                               {"width", absl::GetFlag(FLAGS_width)},
                               {"batch_size", batch_size * processes},
                               {"lr", absl::GetFlag(FLAGS_lr)},
                               {"dropout", absl::GetFlag(FLAGS_dropout)}},
                              {.folder = absl::GetFlag(FLAGS_runs)});
  if (!report.empty()) accelerator.measure_steps();
  if (const std::string folder = absl::GetFlag(FLAGS_watch); !folder.empty())
    accelerator.watch({.norms = !run.empty(), .folder = folder});
  if (!checkpoints.empty()) accelerator.resume();
  std::optional<accelerate::Profile> profile;
  if (!absl::GetFlag(FLAGS_profile).empty())
    profile = accelerator.profile({.skip_first = 10,
                                   .warmup = 2,
                                   .active = 5,
                                   .repeat = 1,
                                   .folder = absl::GetFlag(FLAGS_profile)});
  int64_t& step = accelerator.progress().step;
  accelerate::ProgressBar bar(
      {.total = steps, .description = "training", .initial = step, .leave = false});
  bool stops = false;
  while (step < steps && !stops) {
    for (auto& batch : loader) {
      const at::Tensor loss = capture ? captured_step(batch) : train_step(batch);
      tokens += batch.data.numel() * processes;
      ++step;
      bar.advance();

      const bool log = step % log_every == 0 || step == steps;
      if (log || report_losses) {
        const auto mean =
            accelerator.reduce(loss, accelerate::ReduceOp::kMean).template item<float>();
        if (report_losses) accelerator.print("loss ", std::setprecision(9), mean);
        if (log) {
          bar.set("loss", mean);
          const auto now = std::chrono::steady_clock::now();
          const double seconds = std::chrono::duration<double>(now - logged_at).count();
          const double tokens_per_second = static_cast<double>(tokens) / seconds;
          accelerator.print("step ", step, " loss ", std::setprecision(4), mean, ", ",
                            std::llround(tokens_per_second), " tokens/s");
          if (!run.empty())
            accelerator.log({{"loss", mean}, {"tokens_per_second", tokens_per_second}},
                            {.step = step});
          logged_at = now;
          tokens = 0;
        }
      }
      if (!checkpoints.empty()) {
        stops = accelerator.should_stop();
        if (step % absl::GetFlag(FLAGS_save_every) == 0 || stops) accelerator.save_state();
      }
      if (step == steps || stops) break;
    }
  }
  bar.finish();
  if (absl::GetFlag(FLAGS_report_memory)) accelerator.print(accelerator.memory());
  if (!report.empty()) {
    const accelerate::RunReport where =
        accelerator.report({.tokens_per_sample = static_cast<double>(absl::GetFlag(FLAGS_block))});
    accelerator.print(where);
    if (accelerator.is_main_process()) save_page(where, report);
  }

  if (stops) return;
  if (absl::GetFlag(FLAGS_sample) > 0 && accelerator.is_main_process())
    std::cout << "\n" << sample(gpt, corpus, accelerator.device()) << std::endl;
}

}  // namespace

ACCELERATE_MAIN(train)
