// A management library of three GPUs, one of which is lost, for a test on machines without a
// driver.

#include <cstdint>
#include <cstdio>

extern "C" {

int nvmlInit_v2() { return 0; }

int nvmlShutdown() { return 0; }

int nvmlDeviceGetCount_v2(unsigned int* count) {
  *count = 3;
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
  constexpr int kGpuIsLost = 15;
  if (index == 1) return kGpuIsLost;
  *device = reinterpret_cast<void*>(static_cast<std::uintptr_t>(index + 1));
  return 0;
}

int nvmlDeviceGetUUID(void* device, char* uuid, unsigned int size) {
  std::snprintf(uuid, size, "GPU-%d", static_cast<int>(reinterpret_cast<std::uintptr_t>(device)));
  return 0;
}
}
