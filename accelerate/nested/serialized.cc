#include "accelerate/nested/serialized.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <c10/util/Type.h>

#include <algorithm>

namespace accelerate::internal {
namespace {

constexpr int kDeepest = 1000;
// What is shorter is copied at once, which costs less than to remember it.
constexpr size_t kShortestBlock = 4096;

bool can_be_sent(c10::ScalarType type) {
  return type >= static_cast<c10::ScalarType>(0) && type < c10::ScalarType::Undefined &&
         !c10::isQIntType(type);
}

}  // namespace

Nesting::Nesting(int& depth) : depth_(depth) {
  TORCH_CHECK(depth < kDeepest, "values nested more than ", kDeepest,
              " deep cannot be turned into bytes; hold the elements of a list or a tree in one "
              "std::vector, with indices instead of owning pointers");
  ++depth_;
}

void ByteWriter::block(const void* data, size_t size) {
  if (size == 0) return;
  if (size < kShortestBlock) {
    copy(data, size);
  } else {
    blocks_.push_back({small_.size(), static_cast<const char*>(data), size});
  }
}

void ByteWriter::tensor(const at::Tensor& tensor) {
  if (!tensor.defined()) return number(c10::ScalarType::Undefined);
  TORCH_CHECK(tensor.layout() == at::kStrided && !tensor.is_meta(),
              "to_bytes() takes dense tensors with values, but was given one of layout ",
              tensor.layout(), " on ", tensor.device(), "; call to_dense() on a sparse one first");
  const c10::ScalarType type = tensor.scalar_type();
  TORCH_CHECK(can_be_sent(type), "to_bytes() takes no tensors of type ", type,
              "; call dequantize() on a quantized one first");
  c10::AutoGradMode no_grad(false);
  const at::Tensor host = tensor.detach().resolve_conj().resolve_neg().to(at::kCPU).contiguous();
  number(type);
  number(static_cast<uint64_t>(tensor.dim()));
  for (const int64_t size : tensor.sizes()) number(size);
  block(host.const_data_ptr(), host.nbytes());
  if (host.nbytes() >= kShortestBlock) kept_.push_back(host);
}

std::string ByteWriter::finish() {
  if (blocks_.empty()) return std::move(small_);
  size_t size = small_.size();
  for (const Block& block : blocks_) size += block.size;
  std::string bytes;
  bytes.reserve(size);
  size_t done = 0;
  for (const Block& block : blocks_) {
    bytes.append(small_, done, block.place - done);
    bytes.append(block.data, block.size);
    done = block.place;
  }
  return bytes.append(small_, done);
}

size_t ByteReader::count(size_t bytes_of_each) {
  const auto count = number<uint64_t>();
  if (count > left() / bytes_of_each)
    refuse(std::to_string(count) + " elements cannot be in the " + std::to_string(left()) +
           " bytes that are left");
  return count;
}

std::string_view ByteReader::block(uint64_t size) {
  if (size > left())
    refuse(std::to_string(size) + " more are needed, and " + std::to_string(left()) + " are left");
  const std::string_view found = bytes_.substr(at_, size);
  at_ += size;
  return found;
}

at::Tensor ByteReader::tensor() {
  const auto type = number<c10::ScalarType>();
  if (type == c10::ScalarType::Undefined) return {};
  if (!can_be_sent(type))
    refuse("a tensor cannot be of type number " + std::to_string(static_cast<int>(type)));
  std::vector<int64_t> sizes(count(sizeof(int64_t)));
  // Of a size of 0 as well, so that strides cannot overflow.
  auto largest = static_cast<int64_t>(c10::elementSize(type));
  auto num_bytes = static_cast<uint64_t>(largest);
  for (int64_t& size : sizes) {
    size = number<int64_t>();
    if (size < 0 || __builtin_mul_overflow(largest, std::max<int64_t>(size, 1), &largest))
      refuse("a tensor cannot be of such a size");
    num_bytes *= static_cast<uint64_t>(size);
  }
  const std::string_view values = block(num_bytes);
  at::Tensor tensor = at::empty(sizes, at::TensorOptions(at::kCPU).dtype(type));
  if (!values.empty()) std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size());
  return tensor;
}

void ByteReader::finish() const {
  if (left() > 0) refuse(std::to_string(left()) + " are left when the value is complete");
}

void ByteReader::refuse(const std::string& what) const {
  TORCH_CHECK(false, "from_bytes: these ", bytes_.size(), " bytes are not those of a value: ", what,
              ", at byte ", at_, "; give it all that to_bytes() returned, unchanged");
}

uint64_t type_number(const std::type_info& type) {
  // FNV-1a of the name, which all programs of one source agree on.
  uint64_t hash = 0xcbf29ce484222325;
  for (const char* letter = type.name(); *letter != '\0'; ++letter)
    hash = (hash ^ static_cast<unsigned char>(*letter)) * 0x100000001b3;
  return hash;
}

void check_type_number(ByteReader& in, const std::type_info& type) {
  if (in.number<uint64_t>() != type_number(type))
    in.refuse("their beginning is not that of a value of type " + c10::demangle(type.name()));
}

}  // namespace accelerate::internal
