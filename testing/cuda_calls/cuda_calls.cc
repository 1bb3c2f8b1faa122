#include "testing/cuda_calls/cuda_calls.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <atomic>
#include <cstddef>
#include <mutex>

namespace accelerate {
namespace {

std::mutex mutex;
std::vector<std::string>& names() {
  static auto* all = new std::vector<std::string>;
  return *all;
}
std::atomic<int> wait_count = 0;

void note_launch(const void* function) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, function) != cudaSuccess || name == nullptr) name = "unknown";
  const std::lock_guard lock(mutex);
  names().emplace_back(name);
}

// The runtime's own function of a name.
template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

CudaCalls::CudaCalls() {
  const std::lock_guard lock(mutex);
  names().clear();
  wait_count = 0;
}

std::vector<std::string> CudaCalls::kernels() const {
  const std::lock_guard lock(mutex);
  return names();
}

bool CudaCalls::launched(const std::vector<std::string>& words) const {
  size_t found = 0;
  for (const std::string& name : kernels()) {
    if (found < words.size() && name.find(words[found]) != std::string::npos) ++found;
  }
  return found == words.size();
}

int CudaCalls::waits() const { return wait_count; }

}  // namespace accelerate

extern "C" {

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                             size_t shared_memory, cudaStream_t stream) {
  accelerate::note_launch(function);
  static auto* const own = accelerate::next<decltype(cudaLaunchKernel)>("cudaLaunchKernel");
  return own(function, grid, block, arguments, shared_memory, stream);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  ++accelerate::wait_count;
  static auto* const own =
      accelerate::next<decltype(cudaStreamSynchronize)>("cudaStreamSynchronize");
  return own(stream);
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  ++accelerate::wait_count;
  static auto* const own = accelerate::next<decltype(cudaEventSynchronize)>("cudaEventSynchronize");
  return own(event);
}

cudaError_t cudaDeviceSynchronize() {
  ++accelerate::wait_count;
  static auto* const own =
      accelerate::next<decltype(cudaDeviceSynchronize)>("cudaDeviceSynchronize");
  return own();
}

}  // extern "C"
