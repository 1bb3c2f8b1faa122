// JPEG and PNG images in a folder for each class, root/cat/1.jpg, as torchvision's ImageFolder
// takes them.
//
//   accelerate::ImageFolder images("flowers/train", {.size = {224, 224}});
//   accelerate::DataLoader loader(images, {.batch_size = 32, .shuffle = true, .num_workers = 4});
//   for (auto& batch : loader) train(batch.data, batch.target);
//
// The folders right below the root are the classes, numbered in the order of their names' bytes;
// images may lie deeper within them. What begins with a dot and files that do not end in .jpg,
// .jpeg or .png, in whatever case, are no part of it. The list of files is made once and has the
// same order on all ranks, that of torchvision; images are read when a batch is, on the thread that
// asks for it.
//
// Only the size of an image is changed here, and what `transform` does. How a camera was held
// (EXIF) is not heeded: turn such images first. A broken image is an error that names it, and none
// is left out. A second folder, such as the one to test on, gets the numbers of the first by
// {.classes = images.classes()}.
//
// Not part of //accelerate: a program adds //accelerate/data:image_folder to its deps, and with it
// libjpeg and libpng. A copy shares the list; reading from several threads is as safe as
// `transform`.
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

// In pixels.
struct ImageSize {
  int64_t height = 0;
  int64_t width = 0;

  bool operator==(const ImageSize&) const = default;
};

struct ImageFolderOptions {
  // What each image is resized to, whatever its shape: bilinearly, with all pixels taken into
  // account where it shrinks, as torchvision's Resize does it. {0, 0} leaves images as they are,
  // and those of a batch must be alike.
  ImageSize size = {};
  // kFloat: from 0 to 1; kByte: from 0 to 255.
  at::ScalarType dtype = at::kFloat;
  // Makes of an image [3, height, width] what is put into the batch: crops it, turns it. Each copy
  // of the data set has a copy of it, and so has each worker of a loader.
  std::function<at::Tensor(at::Tensor)> transform = nullptr;
  // The names of folders that stand for 0, 1 and so on; all that are there, sorted, where empty.
  std::vector<std::string> classes = {};
  // An image of more pixels is an error: a small file can decode to more than there is memory.
  int64_t max_pixels = int64_t{1} << 27;
};

class ImageFolder
    : public torch::data::datasets::BatchDataset<ImageFolder, torch::data::Example<>> {
 public:
  // Looks for the files. Throws c10::Error when a folder cannot be read, when there are no classes,
  // when one has no images or is not in .classes, or when an option makes no sense.
  explicit ImageFolder(const std::string& root, const ImageFolderOptions& options = {});

  // Images [batch, 3, height, width] in RGB and the numbers of their classes [batch] in int64.
  // Throws c10::Error that names the file when one cannot be read or is broken, and two of them
  // when they are of different shapes.
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
