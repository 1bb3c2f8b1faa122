// Turns the state of a run into the files of a checkpoint, seen as one row of bytes of which any
// number of processes can each write a share, and turns the files back into the state.
//
// `model.safetensors` holds the parameters and buffers of the first model, `model_1.safetensors`
// those of the second, and so on. `optimizer.safetensors` holds what the optimizers keep, by the
// names of the parameters; `objects.safetensors` holds all other tensors, if there are any;
// `state.json` holds the rest. The files are the same for any number of processes, any strategy and
// any precision.
//
// Part of the checkpoints; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/state/state.h"
#include "formats/safetensors/header.h"

namespace accelerate::internal {

// The states of a run's parts, by their names.
using RunState = std::map<std::string, State>;

// The names of the parts that checkpoints know.
inline constexpr const char* kModelsPart = "models";
inline constexpr const char* kOptimizersPart = "optimizers";
inline constexpr const char* kLoadersPart = "data_loaders";
inline constexpr const char* kGeneratorsPart = "generators";
inline constexpr const char* kProgressPart = "progress";
inline constexpr const char* kObjectsPart = "objects";

// One file, whose bytes come from tensors. Not thread-safe.
class FileContents {
 public:
  // A file with this text.
  FileContents(std::string name, std::string text);
  // A safetensors file of the tensors, by name. Throws c10::Error, which names the file, if a
  // tensor cannot be saved.
  FileContents(std::string name, const std::map<std::string, at::Tensor>& tensors);

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  // Replaces each tensor that is cut over the ranks (cut_tensor.h) by the whole tensor if any of it
  // is among these bytes. Collective: all ranks call it for the same file, each with its own bytes.
  void gather_cut_tensors(Communicator& communicator, uint64_t offset, uint64_t size);
  // Adds the devices that the file's tensors are on, except the CPU.
  void add_devices(std::unordered_set<c10::Device>& devices) const;
  // Copies `size` bytes of the file, from `offset` on. Waits for the device if the tensors are on
  // one.
  void read(uint64_t offset, uint64_t size, char* place);
  // The same, filling `place`, which must be in pinned memory if tensors are on a device: the
  // copies are then only queued on the device, and are complete when the queue has reached that
  // point.
  void begin_read(uint64_t offset, const at::Tensor& place);
  // A checksum of what must be the same for all writers of the file: its size, and which tensors
  // are where in it.
  uint32_t digest() const;
  // Releases the tensors, once their bytes have been copied.
  void forget_tensors();

 private:
  struct Stored {
    at::Tensor tensor;
    uint64_t begin;
    uint64_t size;
  };
  void copy(uint64_t offset, const at::Tensor& place, bool non_blocking);
  // The tensor's bytes in the order in which the file has them.
  const at::Tensor& bytes_of(const Stored& stored);

  std::string name_;
  // The bytes before the tensors.
  std::string beginning_;
  std::vector<Stored> tensors_;
  // The tensor that was read last, and its bytes.
  const Stored* read_last_ = nullptr;
  at::Tensor bytes_;
  uint64_t size_ = 0;
};

using Contents = std::vector<FileContents>;

// The file of everything that is not a tensor; see document.h.
inline constexpr const char* kDocument = "state.json";

// Makes the files from the tensors of these states, and from the text of the document for the rest.
Contents contents_of(const RunState& states, const std::string& document);

// A range of bytes of one file.
struct Piece {
  size_t file;
  uint64_t offset;
  uint64_t size;
};

// What writer `member` of `members` writes. Together they write everything, and each of them nearly
// the same number of bytes. The first one writes all of the program's own objects, because they may
// differ between the ranks.
std::vector<Piece> share_of(const Contents& contents, int member, int members);

// The tensors of a safetensors file, as views of the file that must not be written to. A tied
// tensor appears under each of its names. Throws c10::Error that names the file.
std::map<std::string, at::Tensor> read_safetensors(const std::string& path);
// Of the file, only the tensors that this header of it names, and their aliases.
std::map<std::string, at::Tensor> read_safetensors(const std::string& path,
                                                   const safetensors::Header& header);

// Adds the tensors of these files of the folder to `states`. The tensors of models and optimizers
// are views of the files, as read_safetensors() returns them; the others are copies, which a
// program may keep.
void read_tensors(const std::string& folder, const std::vector<std::string>& files,
                  RunState& states);

}  // namespace accelerate::internal
