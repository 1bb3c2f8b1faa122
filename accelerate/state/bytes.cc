#include "accelerate/state/bytes.h"

#include <ATen/ops/empty.h>

#include <cstring>

namespace accelerate {

at::Tensor tensor_of_bytes(std::string_view bytes) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
  std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
  return tensor;
}

std::string bytes_of_tensor(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().resolve_conj().resolve_neg().cpu().contiguous();
  return {static_cast<const char*>(host.const_data_ptr()), host.nbytes()};
}

}  // namespace accelerate
