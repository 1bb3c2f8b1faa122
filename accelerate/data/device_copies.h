// Copies tensors of the host to a GPU while the GPU continues to compute: through pinned memory, on
// a separate stream.
//
//   DeviceCopies copies(device);
//   DeviceCopies::Arrival arrival = copies.begin({&batch.data, &batch.target});
//   launch_kernels_of_the_batch_before();
//   arrival.wait();  // What is queued from here on finds the batch on the device.
//
// Not for tensors that are used at once: tensor.to(device) does the same with less effort. A copy
// of this object uses the same stream. Use an object, and the copies that it began, in one thread
// at a time.
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
    // Makes the device's current stream wait for the tensors, and keeps their memory until that
    // stream has finished using them. The host does not wait.
    void wait() const;

   private:
    friend class DeviceCopies;
    Arrival(std::vector<at::Tensor> tensors, c10::Event arrived)
        : tensors_(std::move(tensors)), arrived_(std::move(arrived)) {}

    std::vector<at::Tensor> tensors_;
    c10::Event arrived_;
  };

  // Takes a stream from the device's pool. Throws c10::Error if this build does not support the
  // device's kind.
  explicit DeviceCopies(c10::Device device);

  // Replaces each tensor by its copy on the device, which must not be used before wait(). The
  // original may be destroyed at once, and may be changed at once unless it is pinned: then it must
  // not change until the copy has arrived. Tensors that are undefined or already on the device are
  // left alone; tensors other than dense ones of the host are copied on the current stream.
  Arrival begin(at::ArrayRef<at::Tensor*> tensors) const;

  const c10::Stream& stream() const { return stream_; }

 private:
  c10::Stream stream_;
};

}  // namespace accelerate
