// Copies tensors of the host to a GPU while it goes on computing: through pinned memory, on a
// stream of their own.
//
//   DeviceCopies copies(device);
//   DeviceCopies::Arrival arrival = copies.begin({&batch.data, &batch.target});
//   launch_kernels_of_the_batch_before();
//   arrival.wait();  // What is queued from here on finds the batch on the device.
//
// Not for tensors that are used at once: tensor.to(device) does the same with less. A copy of this
// object uses the same stream. One object, and what it began, is for one thread at a time.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <utility>
#include <vector>

namespace accelerate {

class DeviceCopies {
 public:
  // Tensors that are on their way.
  class Arrival {
   public:
    // Makes the device's current stream wait for them, and keeps their memory until what that
    // stream does with them is done. The host does not wait.
    void wait() const;

   private:
    friend class DeviceCopies;
    Arrival(std::vector<at::Tensor> tensors, c10::Event arrived)
        : tensors_(std::move(tensors)), arrived_(std::move(arrived)) {}

    std::vector<at::Tensor> tensors_;
    c10::Event arrived_;
  };

  // Takes a stream from the device's pool. Throws c10::Error when the device's kind is not in this
  // build.
  explicit DeviceCopies(c10::Device device);

  // Replaces each tensor by its copy on the device, not to be touched before wait(). The original
  // may go, or change, at once unless it is pinned: then it must not change until it has arrived.
  // Tensors that are undefined or on the device already stay; those that are not dense tensors of
  // the host are copied on the current stream.
  Arrival begin(at::ArrayRef<at::Tensor*> tensors) const;

  const c10::Stream& stream() const { return stream_; }

 private:
  c10::Stream stream_;
};

}  // namespace accelerate
