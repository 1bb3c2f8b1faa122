// The files of a checkpoint as bytes that lie in a row, so that any number of processes can write a
// share of them each, and back from the files to the state of a run.
//
// `model.safetensors` holds the parameters and buffers of the first model, `model_1.safetensors`
// those of the second, and so on; `optimizer.safetensors` what the optimizers keep, by the names of
// the parameters; `objects.safetensors` all other tensors, where there are any; `state.json` the
// rest. They are the same whatever the number of processes, the strategy and the precision.
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

namespace accelerate::internal {

// The states of a run's parts, by their names.
using RunState = std::map<std::string, State>;

// Names of parts that checkpoints know.
inline constexpr const char* kModelsPart = "models";
inline constexpr const char* kOptimizersPart = "optimizers";
inline constexpr const char* kLoadersPart = "data_loaders";
inline constexpr const char* kGeneratorsPart = "generators";
inline constexpr const char* kProgressPart = "progress";
inline constexpr const char* kObjectsPart = "objects";

// One file, whose bytes come from tensors. Not thread-safe.
class FileContents {
 public:
  // A text.
  FileContents(std::string name, std::string text);
  // A safetensors file of the tensors by their names. Throws c10::Error, with the file's name,
  // where one cannot be saved.
  FileContents(std::string name, const std::map<std::string, at::Tensor>& tensors);

  const std::string& name() const { return name_; }
  uint64_t size() const { return size_; }
  // Puts the whole in the place of each tensor that is cut over the ranks (cut_tensor.h), where it
  // lies among these bytes. Collective; all ranks give the same file, and bytes of their own.
  void gather_cut_tensors(Communicator& communicator, uint64_t offset, uint64_t size);
  // Adds those that tensors of it are on, other than the CPU.
  void add_devices(std::unordered_set<c10::Device>& devices) const;
  // Copies `size` bytes of the file, from `offset` on; waits for the device where the tensors are
  // on one.
  void read(uint64_t offset, uint64_t size, char* place);
  // The same into all of `place`, bytes in pinned memory where tensors are on a device: the copies
  // take their places in the device's queue, and are there when that has got as far.
  void begin_read(uint64_t offset, const at::Tensor& place);
  // What all writers of the file must have alike: its size and where its tensors lie.
  uint32_t digest() const;
  // Lets go of the tensors, once their bytes are there.
  void forget_tensors();

 private:
  struct Stored {
    at::Tensor tensor;
    uint64_t begin;
    uint64_t size;
  };
  void copy(uint64_t offset, const at::Tensor& place, bool non_blocking);
  // The tensor's bytes as they lie in the file.
  const at::Tensor& bytes_of(const Stored& stored);

  std::string name_;
  // Before the tensors.
  std::string beginning_;
  std::vector<Stored> tensors_;
  // Of the tensor that was read last.
  const Stored* read_last_ = nullptr;
  at::Tensor bytes_;
  uint64_t size_ = 0;
};

using Contents = std::vector<FileContents>;

// The file of what is no tensor; see document.h.
inline constexpr const char* kDocument = "state.json";

// Of the tensors of these states, and the text of a document for all the rest.
Contents contents_of(const RunState& states, const std::string& document);

// Bytes of one file, without a gap.
struct Piece {
  size_t file;
  uint64_t offset;
  uint64_t size;
};

// What one of so many writers writes: nearly the same number of bytes each, all of them together.
// The program's own objects are all the first one's, since nobody knows whether they are alike.
std::vector<Piece> share_of(const Contents& contents, int member, int members);

// The tensors of a safetensors file: views of it, which must not be written to; a tied one under
// each of its names. Throws c10::Error that names the file.
std::map<std::string, at::Tensor> read_safetensors(const std::string& path);

// Adds the tensors of these of its files to `states`. Those of models and optimizers are views of
// the files, as read_safetensors() has them; others are copies, which a program may keep.
void read_tensors(const std::string& folder, const std::vector<std::string>& files,
                  RunState& states);

}  // namespace accelerate::internal
