// Random numbers for a data set that draws while it reads. They are the same for a sample in an
// epoch, whichever process and worker reads it, and after a resume.
//
//   torch::data::Example<> Faces::get(size_t index) {
//     at::Tensor image = read(index);
//     at::Tensor noise = at::randn(image.sizes(), accelerate::sample_generator());
//     return {image + 0.1 * noise, label(index)};
//   }
//
// LibTorch's default generator, which at::randn() uses otherwise, is shared with the training
// thread, and workers draw from it in no fixed order. Only works while a DataLoader reads.
#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <optional>

namespace accelerate {

// Seeded from the loader's seed, the epoch and the index of the sample that is being read. If the
// data set reads a whole batch, that is the first sample of the batch; for a stream, the number of
// the element. Throws c10::Error if no loader is reading in this thread.
at::Generator sample_generator();

namespace internal {

// Records what this thread is reading, for as long as the object exists.
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
  // Made on demand, because most data sets draw nothing.
  std::optional<at::Generator> generator_;
  // The scope around this one: a data set may itself read through a loader.
  ReadingScope* const outer_;
};

}  // namespace internal
}  // namespace accelerate
