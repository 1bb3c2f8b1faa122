#include "accelerate/data/safetensors_file.h"

#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "accelerate/layout/stored_type.h"
#include "formats/files/mapped_file.h"
#include "formats/safetensors/dtype.h"
#include "formats/safetensors/header.h"
#include "launcher/text/printable.h"

namespace accelerate {
namespace {

using launcher::printable;
using safetensors::Header;
using safetensors::TensorEntry;

const TensorEntry& find(const std::string& path, const Header& header, const std::string& name) {
  const auto found = std::find_if(header.tensors.begin(), header.tensors.end(),
                                  [&](const TensorEntry& tensor) { return tensor.name == name; });
  if (found != header.tensors.end()) return *found;
  constexpr size_t kMost = 50;
  const size_t shown = std::min(header.tensors.size(), kMost);
  std::string all = absl::StrJoin(
      header.tensors.begin(), header.tensors.begin() + shown, ", ",
      [](std::string* out, const TensorEntry& tensor) { *out += printable(tensor.name, 100); });
  if (shown < header.tensors.size())
    absl::StrAppend(&all, " and ", header.tensors.size() - shown, " more");
  C10_THROW_ERROR(Error, absl::StrCat(path, " has no tensor ", printable(name, 100), "; it has ",
                                      all.empty() ? "none" : all));
}

// A view of the file, which lives as long.
at::Tensor view(const std::string& path, const std::shared_ptr<const MappedFile>& file,
                const Header& header, const TensorEntry& tensor) {
  const std::string name = printable(tensor.name, 100);
  const std::optional<c10::ScalarType> type = scalar_type(tensor.dtype);
  TORCH_CHECK(type, path, ": the tensor ", name, " is of type ",
              safetensors::dtype_name(tensor.dtype),
              ", which LibTorch does not have, or packs in another way; save it with another type");
  TORCH_CHECK(!tensor.shape.empty(), path, ": the tensor ", name,
              " is a scalar; name a tensor whose rows are samples");
  const uint64_t begin = header.data_offset + tensor.data_begin;
  const uint64_t end = header.data_offset + tensor.data_end;
  TORCH_CHECK(end <= file->bytes().size(), path,
              " became shorter while it was opened; try again when it is complete");
  const std::vector<int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
  // Nothing writes to it: rows_ hands out copies.
  return at::from_blob(
      const_cast<char*>(file->bytes().data() + begin), sizes, [file](void*) {},
      at::TensorOptions(*type));
}

TensorDataset open(const std::string& path, const SafetensorsColumns& columns) {
  const absl::StatusOr<Header> header = safetensors::read_header(path);
  TORCH_CHECK(header.ok(), header.status().message());
  absl::StatusOr<MappedFile> opened = MappedFile::open(path);
  TORCH_CHECK(opened.ok(), opened.status().message());
  const auto file = std::make_shared<const MappedFile>(*std::move(opened));
  const at::Tensor data = view(path, file, *header, find(path, *header, columns.data));
  const at::Tensor target = view(path, file, *header, find(path, *header, columns.target));
  TORCH_CHECK(data.size(0) == target.size(0), path, ": the tensor ", printable(columns.data, 100),
              " has ", data.size(0), " rows and ", printable(columns.target, 100), " has ",
              target.size(0), "; save one target for each row of data");
  return TensorDataset(data, target);
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::string& path, const SafetensorsColumns& columns)
    : rows_(open(path, columns)) {}

}  // namespace accelerate
