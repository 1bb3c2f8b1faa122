// JPEG and PNG images in one folder per class, such as root/cat/1.jpg, as in torchvision's
// ImageFolder.
//
//   accelerate::ImageFolder images("flowers/train", {.size = {224, 224}});
//   accelerate::DataLoader loader(images, {.batch_size = 32, .shuffle = true, .num_workers = 4});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// The folders directly below the root are the classes, numbered in the byte order of their names;
// images may be in subfolders. Names that begin with a dot, and files that do not end in .jpg,
// .jpeg or .png (in any case), are ignored. The list of files is made once, and has torchvision's
// order on all ranks. Images are read together with their batch, in the thread that requests it.
//
// Images are only resized, and changed by `transform`. The orientation that a camera stores (EXIF)
// is ignored: rotate such images beforehand. A broken image is an error that names it, and is never
// left out. To give a second folder, such as the test data, the numbers of the first, pass
// {.classes = images.classes()}.
//
// Not part of //accelerate: add //accelerate/data:image_folder to the deps of your program, which
// also links libjpeg and libpng. A copy shares the list of files. Reading from several threads is
// safe if `transform` is.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/data/datasets/base.h>
#include <torch/data/example.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace accelerate {

// The size of an image in pixels.
struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const ImageSize&) const = default;
};

struct ImageFolderOptions {
  // The size that each image is resized to, whatever its shape: bilinearly and with antialiasing,
  // as torchvision's Resize does. {0, 0} leaves images as they are; all images of a batch must then
  // have one size.
  ImageSize size = {};
  // kFloat: from 0 to 1; kByte: from 0 to 255.
  at::ScalarType dtype = at::kFloat;
  // Turns an image [3, height, width] into the one that goes into the batch, for example by
  // cropping or flipping. Each copy of the data set has its own copy, and so does each worker of a
  // loader.
  std::function<at::Tensor(at::Tensor)> transform = nullptr;
  // The folder names that stand for 0, 1 and so on; if empty, all folders, sorted.
  std::vector<std::string> classes = {};
  // An image with more pixels is an error: a small file can decode to more than fits into memory.
  int64_t max_pixels = int64_t{1} << 27;
};

class ImageFolder
    : public torch::data::datasets::BatchDataset<ImageFolder, torch::data::Example<>> {
 public:
  // Finds the files. Throws c10::Error if a folder cannot be read, if there are no classes, if a
  // class has no images or is not in .classes, or if an option is invalid.
  explicit ImageFolder(const std::string& root, const ImageFolderOptions& options = {});

  // Images [batch, 3, height, width] in RGB and the numbers of their classes [batch] in int64.
  // Throws c10::Error if a file cannot be read or is broken, or if two images have different
  // shapes; the message names the files.
  torch::data::Example<> get_batch(at::ArrayRef<size_t> rows) override;
  std::optional<size_t> size() const override;

  // What the numbers of the targets stand for.
  const std::vector<std::string>& classes() const;
  // The path of an image, 0 <= row < size().
  const std::string& path(size_t row) const;

 private:
  struct Files;

  at::Tensor read(size_t row) const;

  std::shared_ptr<const Files> files_;
  ImageFolderOptions options_;
};

}  // namespace accelerate
