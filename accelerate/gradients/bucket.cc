#include "accelerate/gradients/bucket.h"

#include <c10/core/GradMode.h>

#include "accelerate/gradients/blocks.h"
#include "accelerate/gradients/element_type.h"
#include "kernels/pack/pack.h"

namespace accelerate::internal {
namespace {

const void* advanced(const void* data, int64_t elements, size_t element_size) {
  return static_cast<const char*>(data) + elements * static_cast<int64_t>(element_size);
}

}  // namespace

Bucket::Bucket(c10::ScalarType type, c10::Device device, c10::ScalarType wire_type)
    : values_(type, device), narrow_(wire_type, device) {}

void Bucket::add(size_t parameter, const at::Tensor& tensor) {
  members_.push_back(parameter);
  sizes_.push_back(tensor.sizes().vec());
  strides_.push_back(dense_strides(tensor));
  offsets_.push_back(values_.reserve(tensor.numel()));
  bytes_ += static_cast<int64_t>(tensor.nbytes());
}

void Bucket::allocate() {
  if (signal_offset_ < 0) {
    signal_offset_ = values_.reserve(1);
    // One offset serves both.
    narrow_.reserve(values_.numel());
  }
  values_.allocate();
  if (narrow_.type() != values_.type()) narrow_.allocate();
  slots_.clear();
  for (size_t i = 0; i < members_.size(); ++i) {
    slots_.push_back(values_.slot(offsets_[i], sizes_[i], strides_[i]));
  }
}

at::Tensor& Bucket::wire() {
  return narrow_.type() != values_.type() ? narrow_.whole() : values_.whole();
}

// A program that kept a gradient of an earlier step must find it unchanged.
void Bucket::renew_if_held(const std::vector<at::Tensor>& gradients) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    // Ours, and where it is `.grad`, the parameter's and the list's.
    const size_t known = is_slot(i, gradients[i]) ? 3 : 1;
    if (slots_[i].use_count() > known || slots_[i].storage().use_count() > 1) {
      allocate();
      return;
    }
  }
}

void Bucket::pack(const std::vector<at::Tensor>& gradients, double factor) {
  c10::AutoGradMode no_grad(false);
  renew_if_held(gradients);
  at::Tensor& target = wire();
  std::vector<at::Tensor> sources;
  for (size_t i = 0; i < members_.size(); ++i) {
    sources.push_back(gradients[i].defined() ? laid_out(gradients[i], sizes_[i], strides_[i])
                                             : at::Tensor());
  }
  if (!target.is_cpu() || !element_type(target.scalar_type())) {
    for (size_t i = 0; i < members_.size(); ++i) {
      at::Tensor part = target.narrow(0, offsets_[i], slots_[i].numel())
                            .as_strided(sizes_[i], strides_[i], offsets_[i]);
      if (sources[i].defined()) {
        part.copy_(sources[i]).mul_(factor);
      } else {
        part.zero_();
      }
    }
    return;
  }
  std::vector<int64_t> counts;
  for (const at::Tensor& slot : slots_) counts.push_back(slot.numel());
  char* wire_data = static_cast<char*>(target.data_ptr());
  for_each_block(cut_into_blocks(counts), [&](const Block& block) {
    const at::Tensor& source = sources[block.array];
    kernels::pack({.source = source.defined() ? advanced(source.const_data_ptr(), block.begin,
                                                         source.element_size())
                                              : nullptr,
                   .source_type = *element_type(values_.type()),
                   .destination = wire_data + (offsets_[block.array] + block.begin) *
                                                  static_cast<int64_t>(target.element_size()),
                   .count = block.count,
                   .factor = factor},
                  *element_type(target.scalar_type()));
  });
}

void Bucket::set_signal(double value) { wire().narrow(0, signal_offset_, 1).fill_(value); }
double Bucket::signal() const {
  return const_cast<Bucket*>(this)->wire()[signal_offset_].item<double>();
}

void Bucket::unpack() {
  if (narrow_.type() == values_.type()) return;
  c10::AutoGradMode no_grad(false);
  if (!values_.device().is_cpu()) {
    values_.whole().copy_(narrow_.whole());
    return;
  }
  const char* from = static_cast<const char*>(narrow_.whole().const_data_ptr());
  char* to = static_cast<char*>(values_.whole().data_ptr());
  for_each_block(cut_into_blocks({values_.whole().numel()}), [&](const Block& block) {
    kernels::pack(
        {.source = advanced(from, block.begin, c10::elementSize(narrow_.type())),
         .source_type = *element_type(narrow_.type()),
         .destination = to + block.begin * static_cast<int64_t>(c10::elementSize(values_.type())),
         .count = block.count,
         .factor = 1},
        *element_type(values_.type()));
  });
}

}  // namespace accelerate::internal
