#include "accelerate/report/peak_flops.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/mm.h>
#include <ATen/record_function.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/process/cuda.h"

namespace accelerate::internal {
namespace {

// From NVIDIA's data sheets: dense, bfloat16, with the tensor cores. The first whose words are all
// in the name. A part of a GPU, or one for laptops, has less than what its name begins with.
constexpr std::string_view kOfLess[] = {"MIG", "Laptop", "D"};
struct KnownGpu {
  std::vector<std::string_view> words;
  double peak;
};
const std::vector<KnownGpu>& known_gpus() {
  static const std::vector<KnownGpu> all = {
      {{"B200"}, 2250e12},        {{"GH200"}, 989.4e12},
      {{"H200", "NVL"}, 835e12},  {{"H200"}, 989.4e12},
      {{"H100", "PCIe"}, 756e12}, {{"H100", "NVL"}, 835e12},
      {{"H100"}, 989.4e12},       {{"A100"}, 312e12},
      {{"A800"}, 312e12},         {{"L40S"}, 362.05e12},
      {{"L40"}, 181e12},          {{"A40"}, 149.7e12},
      {{"L4"}, 121e12},           {{"A10G"}, 70e12},
      {{"A10"}, 125e12},          {{"RTX", "4090"}, 165.2e12},
  };
  return all;
}

double measured_flops(c10::Device device, c10::ScalarType type) {
  using Clock = std::chrono::steady_clock;
  const int64_t size = device.is_cuda() ? 4096 : 768;
  const auto options = at::TensorOptions().device(device).dtype(type);
  // Of many values, as a multiplication of equal ones takes less power; not drawn from a generator,
  // whose numbers are those of the training.
  const at::Tensor a =
      at::arange(size * size, options.dtype(at::kFloat)).sin().view({size, size}).to(type);
  const at::Tensor b = a.t().contiguous();
  const double flops = 2.0 * static_cast<double>(size * size * size);
  double best = 0;
  const auto until = Clock::now() + std::chrono::milliseconds(300);
  do {
    const auto begin = Clock::now();
    // Reading a number waits for the device.
    at::mm(a, b).flatten()[0].item();
    const std::chrono::duration<double> took = Clock::now() - begin;
    best = std::max(best, flops / took.count());
  } while (Clock::now() < until);
  return best;
}

}  // namespace

double peak_flops_of(std::string_view name) {
  // "NVIDIA A100-SXM4-80GB" has the word A100, and "NVIDIA RTX A1000" has not.
  std::set<std::string, std::less<>> words;
  std::string word;
  for (const char character : std::string(name) + " ") {
    if (std::isalnum(static_cast<unsigned char>(character)) != 0) {
      word += character;
    } else {
      words.insert(std::exchange(word, {}));
    }
  }
  for (const std::string_view each : kOfLess)
    if (words.contains(each)) return 0;
  for (const KnownGpu& gpu : known_gpus()) {
    if (std::all_of(gpu.words.begin(), gpu.words.end(),
                    [&words](std::string_view each) { return words.contains(each); }))
      return gpu.peak;
  }
  return 0;
}

double known_peak_flops(c10::Device device) {
  return device.is_cuda() ? peak_flops_of(cuda::device_name(device.index())) : 0;
}

double measure_peak_flops(c10::Device device, c10::ScalarType type) {
  c10::AutoGradMode no_grad(false);
  // It is no part of what others count or write down.
  const at::DisableRecordFunctionGuard unseen;
  const double of_fp32 = measured_flops(device, at::kFloat);
  return type == at::kFloat ? of_fp32 : std::max(of_fp32, measured_flops(device, type));
}

}  // namespace accelerate::internal
