#include "accelerate/data/image_folder.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "accelerate/data/image/decode_image.h"
#include "launcher/text/printable.h"

namespace accelerate {
namespace {

namespace fs = std::filesystem;
using launcher::printable;

bool is_hidden(const fs::path& path) { return path.filename().native().starts_with('.'); }

bool is_image(const fs::path& path) {
  std::string ending = path.extension().native();
  for (char& c : ending)
    if ('A' <= c && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return ending == ".jpg" || ending == ".jpeg" || ending == ".png";
}

// Images below a folder, as their folder and their name. `above` are the folders that it is in, by
// which a link that leads back is known.
using Names = std::vector<std::pair<std::string, std::string>>;
void find_images(const fs::path& folder, std::vector<fs::path>& above, Names& found) {
  for (const fs::path& other : above) {
    TORCH_CHECK(!fs::equivalent(folder, other), "ImageFolder: ", folder.native(),
                " is a link to a folder that contains it; remove the link");
  }
  above.push_back(folder);
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const fs::path& path = entry.path();
    if (is_hidden(path)) continue;
    if (entry.is_directory()) {
      find_images(path, above, found);
    } else if (is_image(path)) {
      found.emplace_back(folder.native(), path.filename().native());
    }
  }
  above.pop_back();
}

std::vector<std::string> find_classes(const fs::path& root) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(root))
    if (entry.is_directory() && !is_hidden(entry.path()))
      names.push_back(entry.path().filename().native());
  std::sort(names.begin(), names.end());
  TORCH_CHECK(!names.empty(), "ImageFolder: there is no folder in ", root.native(),
              "; give the folder that contains one folder for each class");
  return names;
}

int64_t number_of(const std::vector<std::string>& classes, const fs::path& folder) {
  const auto found = std::find(classes.begin(), classes.end(), folder.filename().native());
  TORCH_CHECK(found != classes.end(), "ImageFolder: the folder ", folder.native(),
              " is not one of .classes; add it there, or remove the folder");
  return found - classes.begin();
}

std::string read_file(const std::string& path) {
  const auto check = [&path](bool is_good) {
    TORCH_CHECK(is_good, "ImageFolder: the image ", path, " cannot be read: ", std::strerror(errno),
                "; check its permissions and its disk");
  };
  errno = 0;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamoff>(in.tellg());
  check(in.good() && size >= 0);
  std::string bytes(static_cast<size_t>(size), '\0');
  in.seekg(0);
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  check(in.good());
  return bytes;
}

}  // namespace

struct ImageFolder::Files {
  std::vector<std::string> classes;
  std::vector<std::string> paths;
  std::vector<int64_t> targets;
};

ImageFolder::ImageFolder(const std::string& root, const ImageFolderOptions& options)
    : options_(options) {
  TORCH_CHECK(options.dtype == at::kFloat || options.dtype == at::kByte, "ImageFolder: .dtype is ",
              options.dtype, "; use at::kFloat or at::kByte");
  const ImageSize& size = options.size;
  TORCH_CHECK(size == ImageSize() || (size.height > 0 && size.width > 0),
              "ImageFolder: images cannot be resized to ", size.height, " x ", size.width,
              " pixels; give .size a height and a width, or {0, 0} to leave them as they are");
  auto files = std::make_shared<Files>();
  try {
    const std::vector<std::string> folders = find_classes(root);
    files->classes = options.classes.empty() ? folders : options.classes;
    for (const std::string& name : folders) {
      const fs::path folder = fs::path(root) / name;
      Names found;
      std::vector<fs::path> above;
      find_images(folder, above, found);
      TORCH_CHECK(!found.empty(), "ImageFolder: the folder ", folder.native(),
                  " has no images (.jpg, .jpeg, .png); add some, or remove the folder");
      std::sort(found.begin(), found.end());
      for (const auto& [parent, file] : found) files->paths.push_back(parent + "/" + file);
      files->targets.resize(files->paths.size(), number_of(files->classes, folder));
    }
  } catch (const fs::filesystem_error& error) {
    C10_THROW_ERROR(Error, "ImageFolder: " + error.path1().native() +
                               " cannot be read: " + error.code().message() +
                               "; give the folder that contains one folder for each class, and "
                               "check its permissions");
  }
  files_ = std::move(files);
}

at::Tensor ImageFolder::read(size_t row) const {
  const std::string& path = files_->paths[row];
  absl::StatusOr<Image> decoded = decode_image(read_file(path), options_.max_pixels);
  TORCH_CHECK(decoded.ok(), "ImageFolder: the image ", path,
              " cannot be read: ", launcher::plain(std::string(decoded.status().message())),
              "; replace or remove it");
  Image& source = *decoded;
  // Its memory is that of `source`; what is returned below is a copy in each case.
  at::Tensor image =
      at::from_blob(source.pixels.data(), {1, source.height, source.width, 3}, at::kByte)
          .permute({0, 3, 1, 2});
  const ImageSize& size = options_.size;
  if (size != ImageSize() && size != ImageSize{source.height, source.width}) {
    image = at::_upsample_bilinear2d_aa(image, {size.height, size.width}, /*align_corners=*/false);
  }
  image = image.squeeze(0);
  at::Tensor result = at::empty(image.sizes(), options_.dtype);
  result.copy_(image);
  if (options_.dtype == at::kFloat) result.div_(255);
  return result;
}

torch::data::Example<> ImageFolder::get_batch(at::ArrayRef<size_t> rows) {
  c10::AutoGradMode no_grad(false);
  std::vector<at::Tensor> images;
  images.reserve(rows.size());
  at::Tensor targets = at::empty({static_cast<int64_t>(rows.size())}, at::kLong);
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t row = rows[i];
    TORCH_CHECK(row < files_->paths.size(), "ImageFolder: image ", row,
                " was asked for, but there are ", files_->paths.size(),
                "; ask for 0 to size() - 1");
    at::Tensor image = read(row);
    if (options_.transform) image = options_.transform(std::move(image));
    TORCH_CHECK(images.empty() || image.sizes() == images[0].sizes(),
                "ImageFolder: ", path(rows[0]), " is of shape ", images[0].sizes(), " and ",
                path(row), " of ", image.sizes(),
                ", which cannot form a batch; set .size, or crop them in .transform");
    images.push_back(std::move(image));
    targets.mutable_data_ptr<int64_t>()[i] = files_->targets[row];
  }
  return {at::stack(images), targets};
}

std::optional<size_t> ImageFolder::size() const { return files_->paths.size(); }

const std::vector<std::string>& ImageFolder::classes() const { return files_->classes; }

const std::string& ImageFolder::path(size_t row) const { return files_->paths.at(row); }

}  // namespace accelerate
