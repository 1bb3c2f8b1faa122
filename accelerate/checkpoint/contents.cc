#include "accelerate/checkpoint/contents.h"

#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "accelerate/layout/stored_type.h"
#include "accelerate/sharding/cut_tensor.h"
#include "formats/checkpoints/verify.h"
#include "formats/files/mapped_file.h"
#include "formats/safetensors/header.h"
#include "formats/safetensors/layout.h"

namespace accelerate::internal {
namespace {

constexpr const char* kFormat = "format";
constexpr const char* kSuffix = ".safetensors";
constexpr const char* kObjects = "objects";
// Where shares begin in a file: what a file system reads and writes as one is written by one
// process. Two machines that write to one page of a network's file system lose bytes.
constexpr uint64_t kAlignment = uint64_t{1} << 16;

// Where a tensor of a state lies: in which file, by which name.
struct Place {
  std::string file;
  std::string name;
};

std::string numbered(const std::string& stem, const std::string& index) {
  return (index == "0" ? stem : stem + "_" + index) + kSuffix;
}

// `0.conv.weight` of the models is `conv.weight` of the first model's file, and
// `0.state.conv.weight.exp_avg` of the optimizers `conv.weight.exp_avg` of the first one's. What an
// optimizer has besides `state` has no dot in its name.
Place place_of(const std::string& part, const std::string& name) {
  const size_t dot = name.find('.');
  const std::string index = name.substr(0, dot);
  if (part == kModelsPart) return {numbered("model", index), name.substr(dot + 1)};
  if (part == kOptimizersPart) {
    const std::string rest = name.substr(dot + 1);
    const std::string state = "state.";
    return {numbered("optimizer", index),
            rest.starts_with(state) ? rest.substr(state.size()) : rest};
  }
  return {std::string(kObjects) + kSuffix, part + "." + name};
}

// The other way round, as part and name; none where it is no file of a checkpoint.
std::optional<std::pair<std::string, std::string>> name_in_state(const std::string& file,
                                                                 const std::string& name) {
  const std::string stem = file.substr(0, file.size() - std::strlen(kSuffix));
  const size_t line = stem.find('_');
  const std::string index = line == std::string::npos ? "0" : stem.substr(line + 1);
  const std::string kind = stem.substr(0, line);
  if (kind == "model") return std::pair{std::string(kModelsPart), index + "." + name};
  if (kind == "optimizer") {
    const bool is_state = name.find('.') != std::string::npos;
    return std::pair{std::string(kOptimizersPart), index + (is_state ? ".state." : ".") + name};
  }
  if (stem != kObjects) return std::nullopt;
  const size_t dot = name.find('.');
  if (dot == std::string::npos) return std::nullopt;
  return std::pair{name.substr(0, dot), name.substr(dot + 1)};
}

// One memory, seen in one way.
using Identity = std::tuple<const void*, c10::ScalarType, std::vector<int64_t>,
                            std::vector<int64_t>, c10::Device>;
std::optional<Identity> identity_of(const at::Tensor& tensor) {
  if (tensor.numel() == 0 || is_cut(tensor)) return std::nullopt;
  return Identity(tensor.const_data_ptr(), tensor.scalar_type(), tensor.sizes().vec(),
                  tensor.strides().vec(), tensor.device());
}

struct IdentityLess {
  bool operator()(const Identity& a, const Identity& b) const {
    const auto key = [](const Identity& id) {
      return std::tuple(std::get<0>(id), std::get<1>(id), std::get<2>(id), std::get<3>(id),
                        std::get<4>(id).str());
    };
    return key(a) < key(b);
  }
};

}  // namespace

FileContents::FileContents(std::string name, std::string text)
    : name_(std::move(name)), beginning_(std::move(text)), size_(beginning_.size()) {}

FileContents::FileContents(std::string name, const std::map<std::string, at::Tensor>& tensors)
    : name_(std::move(name)) {
  // As Python's save_model() has it: a tensor with several names lies under the first of them, and
  // the metadata say of each other one which that is.
  std::map<std::string, std::string> metadata = {{kFormat, "pt"}};
  std::map<Identity, std::string, IdentityLess> seen;
  std::vector<safetensors::TensorSpec> specs;
  for (const auto& [tensor_name, tensor] : tensors) {
    const auto identity = identity_of(tensor);
    // The metadata have that name for another thing.
    if (identity && tensor_name != kFormat) {
      const auto [first, is_new] = seen.emplace(*identity, tensor_name);
      if (!is_new) {
        metadata[tensor_name] = first->second;
        continue;
      }
    }
    const auto dtype = stored_type(tensor.scalar_type());
    TORCH_CHECK(dtype, name_, ": `", tensor_name, "` is of type ", tensor.scalar_type(),
                ", which such a file cannot hold; convert it to another type");
    specs.push_back({tensor_name, *dtype, {tensor.sizes().begin(), tensor.sizes().end()}});
  }
  absl::StatusOr<safetensors::FileLayout> layout = safetensors::lay_out(std::move(specs), metadata);
  TORCH_CHECK(layout.ok(), name_, ": ", std::string(layout.status().message()));
  beginning_ = std::move(layout->beginning);
  size_ = layout->size;
  for (const safetensors::TensorEntry& entry : layout->header.tensors) {
    if (entry.data_end > entry.data_begin)
      tensors_.push_back({tensors.at(entry.name).detach(),
                          layout->header.data_offset + entry.data_begin,
                          entry.data_end - entry.data_begin});
  }
}

void FileContents::gather_cut_tensors(Communicator& communicator, uint64_t offset, uint64_t size) {
  for (Stored& stored : tensors_) {
    if (!is_cut(stored.tensor)) continue;
    at::Tensor whole = gather_cut(communicator, stored.tensor);
    if (stored.begin < offset + size && offset < stored.begin + stored.size)
      stored.tensor = std::move(whole);
  }
}

void FileContents::add_devices(std::unordered_set<c10::Device>& devices) const {
  for (const Stored& stored : tensors_)
    if (!stored.tensor.is_cpu()) devices.insert(stored.tensor.device());
}

uint32_t FileContents::digest() const {
  return checkpoints::crc32(beginning_, static_cast<uint32_t>(size_));
}

void FileContents::forget_tensors() {
  tensors_.clear();
  read_last_ = nullptr;
  bytes_ = at::Tensor();
}

const at::Tensor& FileContents::bytes_of(const Stored& stored) {
  if (read_last_ != &stored) {
    // Not before it is read: of a tensor that does not lie in a row this is a copy.
    bytes_ = at::Tensor();
    bytes_ = stored.tensor.resolve_conj().resolve_neg().contiguous().view({-1}).view(at::kByte);
    read_last_ = &stored;
  }
  return bytes_;
}

void FileContents::read(uint64_t offset, uint64_t size, char* place) {
  copy(offset, at::from_blob(place, {static_cast<int64_t>(size)}, at::TensorOptions(at::kByte)),
       /*non_blocking=*/false);
}

void FileContents::begin_read(uint64_t offset, const at::Tensor& place) {
  copy(offset, place, /*non_blocking=*/true);
}

void FileContents::copy(uint64_t offset, const at::Tensor& place, bool non_blocking) {
  auto* const to = static_cast<char*>(place.data_ptr());
  const uint64_t first = offset, end = offset + place.nbytes();
  if (offset < beginning_.size()) {
    const uint64_t count = std::min<uint64_t>(end, beginning_.size()) - offset;
    std::memcpy(to, beginning_.data() + offset, count);
    offset += count;
  }
  auto stored = std::upper_bound(tensors_.begin(), tensors_.end(), offset,
                                 [](uint64_t at, const Stored& each) { return at < each.begin; });
  if (stored != tensors_.begin()) --stored;
  for (; offset < end; ++stored) {
    const uint64_t begin = offset - stored->begin;
    const uint64_t count = std::min<uint64_t>(end - offset, stored->size - begin);
    const at::Tensor& bytes = bytes_of(*stored);
    if (bytes.is_cpu()) {
      std::memcpy(to + (offset - first), static_cast<const char*>(bytes.const_data_ptr()) + begin,
                  count);
    } else {
      const auto length = static_cast<int64_t>(count);
      place.narrow(0, static_cast<int64_t>(offset - first), length)
          .copy_(bytes.narrow(0, static_cast<int64_t>(begin), length), non_blocking);
    }
    offset += count;
  }
}

Contents contents_of(const RunState& states, const std::string& document) {
  std::map<std::string, std::map<std::string, at::Tensor>> files;
  for (const auto& [part, state] : states) {
    for (const auto& [name, value] : state.values()) {
      const auto* tensor = std::get_if<at::Tensor>(&value);
      if (tensor == nullptr) continue;
      const Place place = place_of(part, name);
      const bool is_new = files[place.file].emplace(place.name, *tensor).second;
      TORCH_CHECK(is_new, "two tensors of ", part, " would both be called ", place.name, " in ",
                  place.file, "; rename one");
    }
  }
  Contents contents;
  contents.emplace_back(kDocument, document + "\n");
  for (const auto& [name, tensors] : files) contents.emplace_back(name, tensors);
  return contents;
}

std::vector<Piece> share_of(const Contents& contents, int member, int members) {
  uint64_t total = 0;
  for (const FileContents& file : contents) total += file.size();
  std::vector<Piece> pieces;
  uint64_t file_begin = 0;
  for (size_t i = 0; i < contents.size(); ++i) {
    const uint64_t size = contents[i].size();
    // Of writer `of`, in this file.
    const auto border = [&](int of) -> uint64_t {
      if (of == members) return size;
      const auto in_all = static_cast<uint64_t>(static_cast<double>(total) / members * of);
      if (in_all <= file_begin) return 0;
      return std::min(size, (in_all - file_begin) / kAlignment * kAlignment);
    };
    uint64_t begin = border(member), end = border(member + 1);
    if (contents[i].name() == std::string(kObjects) + kSuffix) {
      begin = 0;
      end = member == 0 ? size : 0;
    }
    if (begin < end) pieces.push_back({i, begin, end - begin});
    file_begin += size;
  }
  return pieces;
}

std::map<std::string, at::Tensor> read_safetensors(const std::string& path) {
  const absl::StatusOr<safetensors::Header> header = safetensors::read_header(path);
  TORCH_CHECK(header.ok(), std::string(header.status().message()));
  return read_safetensors(path, *header);
}

std::map<std::string, at::Tensor> read_safetensors(const std::string& path,
                                                   const safetensors::Header& header) {
  absl::StatusOr<MappedFile> opened = MappedFile::open(path);
  TORCH_CHECK(opened.ok(), std::string(opened.status().message()));
  const auto file = std::make_shared<const MappedFile>(*std::move(opened));
  std::map<std::string, at::Tensor> tensors;
  for (const safetensors::TensorEntry& tensor : header.tensors) {
    const auto type = scalar_type(tensor.dtype);
    TORCH_CHECK(type, path, ": `", tensor.name, "` is of a type that LibTorch does not have");
    TORCH_CHECK(header.data_offset + tensor.data_end <= file->bytes().size(), path,
                " became shorter while it was read");
    const char* data = file->bytes().data() + header.data_offset + tensor.data_begin;
    const std::vector<int64_t> sizes(tensor.shape.begin(), tensor.shape.end());
    tensors[tensor.name] = at::from_blob(
        const_cast<char*>(data), sizes, [file](void*) {}, at::TensorOptions(*type));
  }
  for (const auto& [alias, first] : header.metadata) {
    const auto found = tensors.find(first);
    if (alias != kFormat && found != tensors.end()) tensors.emplace(alias, found->second);
  }
  return tensors;
}

void read_tensors(const std::string& folder, const std::vector<std::string>& files,
                  RunState& states) {
  for (const std::string& file : files) {
    if (!file.ends_with(kSuffix)) continue;
    for (const auto& [name, tensor] : read_safetensors(folder + "/" + file)) {
      const auto place = name_in_state(file, name);
      if (!place) continue;
      const bool is_copied_by_its_part =
          place->first == kModelsPart || place->first == kOptimizersPart;
      states[place->first].set(place->second, is_copied_by_its_part ? tensor : tensor.clone());
    }
  }
}

}  // namespace accelerate::internal
