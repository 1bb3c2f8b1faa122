// What examples of accelerate/data take as given.
#include "accelerate/data/batch_shard.h"
#include "gtest/gtest.h"

extern torch::data::Example<> batch;
void train(const at::Tensor& data, const at::Tensor& target);
// ---- active_loaders.h
extern BatchShard shard;
extern ActiveLoaders loaders;
// ---- data_loader.h
struct Digits : torch::data::datasets::Dataset<Digits> {
  explicit Digits(const std::string& path);
  torch::data::Example<> get(size_t index) override;
  std::optional<size_t> size() const override;
};
// ---- dense_tensors.h
bool arrives_as_it_is(const at::Tensor& tensor);
// ---- device_copies.h
extern at::Device device;
void launch_kernels_of_the_batch_before();
// ---- epoch_order.h
extern BatchShardOptions shard;
extern uint64_t epoch;
// ---- one_ahead.h
struct Copy {};
Copy begin_copy(int64_t index);
void train_on(const Copy& copy);
// ---- read_ahead.h
struct Batch {};
Batch read(int64_t index);
void train(const Batch& batch);
// ---- tensor_dataset.h
extern at::Tensor images, labels;
