// Steps and memory of ZeRO-1 and ZeRO-2 beside averaged training on as many processes, in turn, for
// a model of 17.85 M parameters: eight blocks of 512 features and an embedding that is tied.
// sharding_peer.py has the same model in PyTorch's DistributedDataParallel,
// ZeroRedundancyOptimizer and FSDP2.
//
//   bazel run //testing/benchmarks:sharding_benchmark -- --cpu --num_processes=2
//   bazel run //testing/benchmarks:sharding_benchmark -- --cpu --num_processes=2 zero2_cpu
//
// The second one trains in one way only, and prints how much its memory grew.
#include <sys/resource.h>
#include <torch/torch.h>

#include <algorithm>
#include <fstream>
#include <iomanip>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "accelerate/accelerate.h"
#include "testing/benchmarks/timing.h"

namespace {

using accelerate::benchmarks::median;
using accelerate::benchmarks::seconds_of;

constexpr int64_t kWidth = 512, kBlocks = 8, kWords = 2048, kTokens = 128;
constexpr int kRounds = 7, kSteps = 4;

struct BlockImpl : torch::nn::Module {
  BlockImpl() {
    register_module("norm", norm);
    register_module("up", up);
    register_module("down", down);
  }
  at::Tensor forward(const at::Tensor& x) {
    return x + torch::dropout(down(torch::gelu(up(norm(x)))), 0.1, is_training());
  }
  torch::nn::LayerNorm norm{torch::nn::LayerNormOptions({kWidth})};
  torch::nn::Linear up{kWidth, 4 * kWidth}, down{4 * kWidth, kWidth};
};
TORCH_MODULE(Block);

struct NetImpl : torch::nn::Module {
  NetImpl() {
    register_module("embed", embed);
    register_module("blocks", blocks);
    for (int64_t i = 0; i < kBlocks; ++i) blocks->push_back(Block());
    register_module("norm", norm);
  }
  at::Tensor forward(const at::Tensor& ids) {
    at::Tensor x = embed(ids);
    for (const auto& block : *blocks) x = block->as<Block>()->forward(x);
    return at::linear(norm(x), embed->weight);
  }
  torch::nn::Embedding embed{kWords, kWidth};
  torch::nn::ModuleList blocks;
  torch::nn::LayerNorm norm{torch::nn::LayerNormOptions({kWidth})};
};
TORCH_MODULE(Net);

double cpu_seconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One way to train, with a model of its own.
class Way {
 public:
  virtual ~Way() = default;
  virtual std::string_view name() const = 0;
  virtual void step() = 0;
  virtual accelerate::MemoryUsage memory() const = 0;
};

template <class Strategy>
class WayOf final : public Way {
 public:
  std::string_view name() const override { return Strategy::traits.name; }
  void step() override {
    optimizer_.zero_grad();
    const at::Tensor ids = torch::randint(kWords, {kTokens});
    const at::Tensor next = torch::randint(kWords, {kTokens});
    accelerator_.backward(torch::nn::functional::cross_entropy(model_(ids), next));
    optimizer_.step();
  }
  accelerate::MemoryUsage memory() const override { return accelerator_.memory(); }

 private:
  using Accelerator = accelerate::Accelerator<Strategy, accelerate::Fp32>;
  Accelerator accelerator_;
  Net net_;
  torch::optim::AdamW adamw_{net_->parameters(), torch::optim::AdamWOptions(1e-3)};
  std::decay_t<decltype(std::declval<Accelerator>().prepare(std::declval<Net&>()))> model_ =
      accelerator_.prepare(net_);
  accelerate::PreparedOptimizer optimizer_ = accelerator_.prepare(adamw_);
};

// Of this process alone.
double own_memory_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    double kib = 0;
    if (word == "RssAnon:" && status >> kib) return kib * 1024 / 1e6;
  }
  TORCH_CHECK(false, "/proc/self/status names no RssAnon; measure memory on Linux");
}

template <class Strategy>
void add(std::vector<std::unique_ptr<Way>>& ways, const std::vector<std::string>& names) {
  const std::string name(Strategy::traits.name);
  if (names.empty() || std::find(names.begin(), names.end(), name) != names.end())
    ways.push_back(std::make_unique<WayOf<Strategy>>());
}

template <class Accelerator>
void train(Accelerator& accelerator, const std::vector<std::string>& names) {
  at::set_num_threads(1);
  const double memory_before = own_memory_mb();
  std::vector<std::unique_ptr<Way>> ways;
  add<accelerate::MultiCpu>(ways, names);
  add<accelerate::Zero1Cpu>(ways, names);
  add<accelerate::Zero2Cpu>(ways, names);
  TORCH_CHECK(!ways.empty(), "give multi_cpu, zero1_cpu or zero2_cpu, or nothing for all");
  std::vector<std::vector<double>> seconds(ways.size()), cpu(ways.size()), ratios(ways.size());
  for (const auto& way : ways) way->step();
  for (int round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < ways.size(); ++i) {
      const double before = cpu_seconds();
      seconds[i].push_back(seconds_of([&] {
        for (int step = 0; step < kSteps; ++step) ways[i]->step();
      }));
      cpu[i].push_back(cpu_seconds() - before);
      ratios[i].push_back(seconds[0].back() / seconds[i].back());
    }
  }
  for (size_t i = 0; i < ways.size(); ++i) {
    const accelerate::MemoryUsage held = ways[i]->memory();
    const auto mb = [&](accelerate::MemoryKind kind) {
      return static_cast<double>(held.bytes_of(kind)) / 1e6;
    };
    accelerator.print(std::setprecision(4), ways[i]->name(), ": ", kSteps / median(seconds[i]),
                      " steps/s, ", median(ratios[i]), " times the first one's; ",
                      median(cpu[i]) / kSteps * 1e3, " ms of CPU a step; optimizer state ",
                      mb(accelerate::MemoryKind::kOptimizer), " MB, gradients ",
                      mb(accelerate::MemoryKind::kGradient), " MB, buckets ",
                      mb(accelerate::MemoryKind::kBucket), " MB of parameters of ",
                      mb(accelerate::MemoryKind::kParameter), " MB");
  }
  if (ways.size() == 1)
    accelerator.print(std::setprecision(4), own_memory_mb() - memory_before, " MB more memory");
}

}  // namespace

ACCELERATE_MAIN(train)
