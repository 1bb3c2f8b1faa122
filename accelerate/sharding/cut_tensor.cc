#include "accelerate/sharding/cut_tensor.h"

#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>
#include <c10/core/GradMode.h>
#include <c10/core/Storage.h>
#include <c10/core/TensorImpl.h>
#include <c10/util/Exception.h>

#include <optional>

#include "accelerate/libtorch/tested_version.h"
#include "accelerate/sharding/parts.h"

namespace accelerate {
namespace {

// On a tensor that is cut, its part; on a part, nothing.
struct PartNote final : c10::BackendMeta {
  at::Tensor part;
  PartPlace place = {};
  // That of the cut tensor, whose address no other gets; none on a part.
  std::optional<c10::weak_intrusive_ptr<c10::StorageImpl>> storage = std::nullopt;
};

const PartNote* note_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  const auto* note =
      dynamic_cast<const PartNote*>(tensor.unsafeGetTensorImpl()->get_backend_meta());
  // set_data() can replace a tensor's memory and leave its notes.
  const bool is_stale =
      note != nullptr && note->storage &&
      note->storage->_unsafe_get_target() != tensor.storage().unsafeGetStorageImpl();
  return is_stale ? nullptr : note;
}

}  // namespace

at::Tensor make_cut_tensor(at::IntArrayRef sizes, const at::Tensor& part, const PartPlace& place,
                           const std::string& refusal) {
  c10::AutoGradMode no_grad(false);
  const auto bytes = static_cast<size_t>(place.numel) * static_cast<size_t>(part.element_size());
  c10::Storage storage(c10::Storage::use_byte_size_t(), bytes, c10::DataPtr(nullptr, part.device()),
                       c10::GetAllocator(part.device().type()), /*resizable=*/false);
  storage.unsafeGetStorageImpl()->release_data_and_set_meta_custom_data_ptr_error_msg_(refusal);
  at::Tensor cut = at::empty({0}, part.options().requires_grad(false));
  cut.unsafeGetTensorImpl()->set_storage_keep_dtype(storage);
  cut.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, place.strides);
  auto note = c10::make_intrusive<PartNote>();
  note->part = part;
  note->place = place;
  note->storage = storage.getWeakStorageImpl();
  cut.unsafeGetTensorImpl()->set_backend_meta(std::move(note));
  part.unsafeGetTensorImpl()->set_backend_meta(c10::make_intrusive<PartNote>());
  return cut;
}

bool is_cut(const at::Tensor& tensor) {
  const PartNote* note = note_of(tensor);
  return note != nullptr && note->part.defined();
}

const PartPlace* place_of_cut(const at::Tensor& tensor) {
  const PartNote* note = note_of(tensor);
  return note != nullptr && note->part.defined() ? &note->place : nullptr;
}

const at::Tensor& own_part(const at::Tensor& tensor) {
  const PartNote* note = note_of(tensor);
  return note != nullptr && note->part.defined() ? note->part : tensor;
}

bool is_part(const at::Tensor& tensor) {
  const PartNote* note = note_of(tensor);
  return note != nullptr && !note->part.defined();
}

at::Tensor gather_cut(Communicator& communicator, const at::Tensor& tensor) {
  const PartNote* note = note_of(tensor);
  TORCH_INTERNAL_ASSERT(note != nullptr && note->part.defined());
  return internal::gather_parts(communicator, note->part, tensor.sizes(), note->place);
}

}  // namespace accelerate
