#include "accelerate/data/image_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "accelerate/data/data_loader.h"
#include "accelerate/data/safetensors_file.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kFlowers = "accelerate/data/testdata/flowers";
const std::string kImages = "accelerate/data/image/testdata";

// A fresh folder.
fs::path new_folder() {
  static int count = 0;
  const fs::path path = fs::path(testing::TempDir()) / ("folder_" + std::to_string(count++));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

void put(const fs::path& path, const std::string& image) {
  fs::create_directories(path.parent_path());
  fs::copy_file(image, path);
}

std::vector<std::string> paths_of(const ImageFolder& images) {
  std::vector<std::string> paths;
  for (size_t row = 0; row < *images.size(); ++row)
    paths.push_back(fs::path(images.path(row)).lexically_relative(kFlowers).native());
  return paths;
}

TEST(ImageFolder, FindsClassesAndImagesInTorchvisionsOrder) {
  ImageFolder images(kFlowers);
  EXPECT_EQ(images.size(), 4);
  EXPECT_THAT(images.classes(), ElementsAre("daisy", "tulip"));
  EXPECT_THAT(paths_of(images),
              ElementsAre("daisy/b.PNG", "daisy/a/c.jpg", "daisy/a-c/d.jpeg", "tulip/a.png"));
  const auto batch = images.get_batch(std::vector<size_t>{3, 0, 1});
  EXPECT_TRUE(batch.target.equal(at::tensor({1, 0, 0}, at::kLong)));
}

TEST(ImageFolder, ReadsFloatsFromZeroToOneOrBytes) {
  const auto floats = ImageFolder(kFlowers).get_batch(std::vector<size_t>{0, 3}).data;
  const auto bytes =
      ImageFolder(kFlowers, {.dtype = at::kByte}).get_batch(std::vector<size_t>{0, 3}).data;
  EXPECT_EQ(floats.sizes(), at::IntArrayRef({2, 3, 44, 60}));
  EXPECT_EQ(floats.scalar_type(), at::kFloat);
  EXPECT_EQ(bytes.scalar_type(), at::kByte);
  EXPECT_TRUE(floats.equal(bytes.to(at::kFloat) / 255));
  // Red grows along a row, and green along a column.
  const at::Tensor means = bytes[0].to(at::kFloat);
  EXPECT_LT(means[0].select(1, 2).mean().item<float>(),
            means[0].select(1, 57).mean().item<float>());
  EXPECT_LT(means[1].select(0, 2).mean().item<float>(),
            means[1].select(0, 41).mean().item<float>());
}

TEST(ImageFolder, ResizesAsTorchvisionDoes) {
  const std::string recorded = "accelerate/data/testdata/resized.safetensors";
  for (const auto& [height, width] :
       std::vector<std::pair<int, int>>{{20, 30}, {11, 60}, {88, 120}, {50, 17}}) {
    const std::string name = std::to_string(height) + "x" + std::to_string(width);
    SafetensorsFile file(recorded, {.data = name, .target = name});
    const at::Tensor expected = file.get_batch(std::vector<size_t>{0, 1, 2}).data;
    for (const at::ScalarType type : {at::kByte, at::kFloat}) {
      ImageFolder images(kFlowers, {.size = {height, width}, .dtype = type});
      const at::Tensor image = images.get_batch(std::vector<size_t>{0}).data[0];
      ASSERT_EQ(image.sizes(), expected.sizes());
      const double one = type == at::kByte ? 1 : 1.0 / 255;
      const double difference =
          (image.to(at::kDouble) - expected.to(at::kDouble) * one).abs().max().item<double>();
      EXPECT_LE(difference, 1.001 * one) << name;
    }
  }
}

TEST(ImageFolder, MakesBatchesOfImagesOfOneSize) {
  const fs::path root = new_folder();
  put(root / "a/1.png", kImages + "/rgb.png");
  put(root / "a/2.png", kFlowers + "/daisy/b.PNG");
  ImageFolder images(root);
  EXPECT_EQ(
      message_of([&] {
        images.get_batch(std::vector<size_t>{0, 1});
      }),
      "ImageFolder: " + (root / "a/1.png").native() + " is of shape [3, 23, 37] and " +
          (root / "a/2.png").native() +
          " of [3, 44, 60], which cannot form a batch; set .size, or crop them in .transform");
  EXPECT_EQ(images.get_batch(std::vector<size_t>{1}).data.size(2), 44);
  ImageFolder cropped(root, {.transform = [](const at::Tensor& image) {
                        return image.narrow(1, 3, 8).narrow(2, 5, 9);
                      }});
  const at::Tensor batch = cropped.get_batch(std::vector<size_t>{0, 1}).data;
  EXPECT_EQ(batch.sizes(), at::IntArrayRef({2, 3, 8, 9}));
  EXPECT_TRUE(batch[1].equal(
      images.get_batch(std::vector<size_t>{1}).data[0].narrow(1, 3, 8).narrow(2, 5, 9)));
}

TEST(ImageFolder, IsReadByALoaderWithWorkers) {
  ImageFolder images(kFlowers, {.size = {8, 8}});
  at::Tensor data[2];
  for (const int workers : {0, 2}) {
    DataLoader loader(images,
                      {.batch_size = 1, .shuffle = true, .seed = 3, .num_workers = workers});
    std::vector<at::Tensor> parts;
    for (auto& batch : loader) parts.push_back(batch.data);
    data[workers / 2] = at::cat(parts);
  }
  EXPECT_TRUE(data[0].equal(data[1]));
}

TEST(ImageFolder, LeavesOutOtherFilesAndWhatIsHidden) {
  const fs::path root = new_folder();
  put(root / "a/x.JpEg", kImages + "/rgb.jpg");
  put(root / "a/.hidden.jpg", kImages + "/rgb.jpg");
  put(root / "a/.cache/y.jpg", kImages + "/rgb.jpg");
  put(root / "a/notes.txt", kImages + "/rgb.jpg");
  put(root / "a/png", kImages + "/rgb.jpg");
  put(root / ".git/z.jpg", kImages + "/rgb.jpg");
  put(root / "stray.jpg", kImages + "/rgb.jpg");
  fs::create_directories(root / "a/folder.png");
  const ImageFolder images(root);
  EXPECT_EQ(images.size(), 1);
  EXPECT_THAT(images.classes(), ElementsAre("a"));
}

TEST(ImageFolder, TakesTheNumbersOfAnotherFolder) {
  const fs::path root = new_folder();
  put(root / "tulip/1.png", kImages + "/rgb.png");
  ImageFolder images(root, {.classes = ImageFolder(kFlowers).classes()});
  EXPECT_THAT(images.classes(), ElementsAre("daisy", "tulip"));
  EXPECT_EQ(images.get_batch(std::vector<size_t>{0}).target.item<int64_t>(), 1);
  put(root / "rose/1.png", kImages + "/rgb.png");
  EXPECT_THAT(message_of([&] { ImageFolder(root, {.classes = {"tulip"}}); }),
              AllOf(HasSubstr("rose"), HasSubstr("is not one of .classes")));
}

TEST(ImageFolder, SaysWhichFolderIsWrong) {
  EXPECT_THAT(
      message_of([] { ImageFolder("/no/such/folder"); }),
      StartsWith("ImageFolder: /no/such/folder cannot be read: No such file or directory; "));
  const fs::path root = new_folder();
  EXPECT_THAT(message_of([&] { ImageFolder images(root); }), HasSubstr("there is no folder in "));
  put(root / "a/1.png", kImages + "/rgb.png");
  EXPECT_THAT(message_of([&] { ImageFolder(root / "a/1.png"); }), HasSubstr("Not a directory"));
  fs::create_directories(root / "b/deeper");
  EXPECT_EQ(message_of([&] { ImageFolder images(root); }),
            "ImageFolder: the folder " + (root / "b").native() +
                " has no images (.jpg, .jpeg, .png); add some, or remove the folder");
}

TEST(ImageFolder, FollowsLinksButNotInCircles) {
  const fs::path root = new_folder();
  put(root / "elsewhere/deep/1.png", kImages + "/rgb.png");
  fs::create_directories(root / "classes");
  fs::create_directory_symlink(root / "elsewhere", root / "classes/a");
  EXPECT_EQ(ImageFolder(root / "classes").size(), 1);
  fs::create_directory_symlink(root / "elsewhere", root / "elsewhere/deep/again");
  EXPECT_THAT(message_of([&] { ImageFolder(root / "classes"); }),
              HasSubstr("classes/a/deep/again is a link to a folder that contains it"));
}

TEST(ImageFolder, NamesTheImageThatIsBroken) {
  const fs::path root = new_folder();
  put(root / "a/1.jpg", kImages + "/rgb.jpg");
  fs::resize_file(root / "a/1.jpg", 700);
  put(root / "a/2.jpg", kImages + "/rgb.jpg");
  fs::create_symlink("gone", root / "a/3.png");
  std::ofstream(root / "a/4.png") << "<html>";
  ImageFolder images(root);
  EXPECT_EQ(images.size(), 4);
  const auto problem = [&](size_t row) {
    return message_of([&] { images.get_batch(std::vector<size_t>{row}); });
  };
  EXPECT_EQ(problem(0),
            "ImageFolder: the image " + (root / "a/1.jpg").native() +
                " cannot be read: it is not a complete JPEG image (libjpeg: Premature end of JPEG "
                "file); replace or remove it");
  EXPECT_EQ(problem(1), "no error");
  EXPECT_THAT(problem(2), HasSubstr("3.png cannot be read: No such file or directory; "));
  EXPECT_THAT(problem(3), HasSubstr("4.png cannot be read: it is neither a JPEG nor a PNG image"));
  EXPECT_THAT(problem(4), HasSubstr("image 4 was asked for, but there are 4"));
  EXPECT_THAT(
      message_of([&] { ImageFolder(root, {.max_pixels = 100}).get_batch(std::vector<size_t>{1}); }),
      HasSubstr("2.jpg cannot be read: it has 37 x 23 pixels, and 100 in all are allowed"));
}

TEST(ImageFolder, SaysWhichOptionIsWrong) {
  EXPECT_THAT(message_of([] { ImageFolder(kFlowers, {.dtype = at::kHalf}); }),
              HasSubstr(".dtype is Half"));
  EXPECT_THAT(message_of([] {
                ImageFolder(kFlowers, {.size = {7, 0}});
              }),
              HasSubstr("cannot be resized to 7 x 0"));
}

TEST(ImageFolder, IsReadByThreadsAtOnce) {
  ImageFolder images(kFlowers, {.size = {9, 7}});
  const at::Tensor expected = images.get_batch(std::vector<size_t>{0, 1, 2, 3}).data;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int pass = 0; pass < 10; ++pass)
        EXPECT_TRUE(images.get_batch(std::vector<size_t>{0, 1, 2, 3}).data.equal(expected));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accelerate
