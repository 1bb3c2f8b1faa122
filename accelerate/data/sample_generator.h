// Random numbers for a data set that draws them as it reads: the same for a sample in an epoch,
// whichever process and worker reads it, and after a resume.
//
//   torch::data::Example<> Faces::get(size_t index) {
//     at::Tensor image = read(index);
//     at::Tensor noise = at::randn(image.sizes(), accelerate::sample_generator());
//     return {image + 0.1 * noise, label(index)};
//   }
//
// LibTorch's default generator, which at::randn() uses without one, is shared with the training
// thread: what workers draw from it comes in no fixed order. Only within what a DataLoader reads.
#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <optional>

namespace accelerate {

// Seeded from the loader's seed, the epoch and the index of the sample that is being read: of the
// first of them, where the data set reads a batch at once; of a stream, the number of the element.
// Throws c10::Error where no loader is reading in this thread.
at::Generator sample_generator();

namespace internal {

// Says what this thread is reading, for as long as it lives.
class ReadingScope {
 public:
  ReadingScope(uint64_t seed, int64_t epoch, int64_t sample);
  ~ReadingScope();
  ReadingScope(const ReadingScope&) = delete;
  ReadingScope& operator=(const ReadingScope&) = delete;

  void set_sample(int64_t sample) {
    sample_ = sample;
    generator_.reset();
  }

 private:
  friend at::Generator accelerate::sample_generator();

  const uint64_t seed_;
  const int64_t epoch_;
  int64_t sample_;
  // Made when it is asked for, as most data sets draw nothing.
  std::optional<at::Generator> generator_;
  // A data set may read through a loader of its own.
  ReadingScope* const outer_;
};

}  // namespace internal
}  // namespace accelerate
