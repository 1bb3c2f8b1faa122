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

const char* name_of(const void* function) {
  const char* name = nullptr;
  return cudaFuncGetName(&name, function) == cudaSuccess && name != nullptr ? name : "unknown";
}

void note_launch(const char* name) {
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
  accelerate::note_launch(accelerate::name_of(function));
  static auto* const own = accelerate::next<decltype(cudaLaunchKernel)>("cudaLaunchKernel");
  return own(function, grid, block, arguments, shared_memory, stream);
}

// What a library calls that was compiled for CUDA 13; the name of its kernel is not asked for.
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments,
                               size_t shared_memory, cudaStream_t stream) {
  accelerate::note_launch("of a library");
  static auto* const own = accelerate::next<decltype(__cudaLaunchKernel)>("__cudaLaunchKernel");
  return own(kernel, grid, block, arguments, shared_memory, stream);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function,
                                void** arguments) {
  accelerate::note_launch(accelerate::name_of(function));
  static auto* const own = accelerate::next<decltype(cudaLaunchKernelExC)>("cudaLaunchKernelExC");
  return own(config, function, arguments);
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
