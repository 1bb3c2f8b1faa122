// What examples of accelerate/data take as given.
#include "accelerate/data/batch_shard.h"
#include "accelerate/data/concatenation.h"
#include "accelerate/data/data_loader.h"
#include "accelerate/data/samplers.h"
#include "accelerate/data/tensor_dataset.h"
#include "gtest/gtest.h"

extern torch::data::Example<> batch;
void train(const at::Tensor& data, const at::Tensor& target);
// ---- csv_records.h
void count_fields(int64_t line, size_t count);
// ---- mapped.h
extern at::Tensor images, labels;
// ---- active_loaders.h
extern BatchShard shard;
extern ActiveLoaders loaders;
// ---- collate.h
struct Sentence {};
struct Corpus : torch::data::datasets::Dataset<Corpus, Sentence> {
  Sentence get(size_t index) override;
  std::optional<size_t> size() const override;
};
extern Corpus corpus;
at::Tensor padded_to_the_longest(const std::vector<Sentence>& sentences);
// ---- concatenation.h
extern TensorDataset books, web;
// ---- data_loader.h
struct Digits : torch::data::datasets::Dataset<Digits> {
  explicit Digits(const std::string& path);
  torch::data::Example<> get(size_t index) override;
  std::optional<size_t> size() const override;
};
// ---- data_loader_options.h
extern TensorDataset dataset;
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
// ---- read_error.h
extern DataLoader<TensorDataset> loader;
void train(const torch::data::Example<>& batch);
// ---- sample_generator.h
struct Faces {
  torch::data::Example<> get(size_t index);
};
at::Tensor read(size_t index);
at::Tensor label(size_t index);
// ---- sampler.h
extern TensorDataset dataset;
// ---- samplers.h
extern TensorDataset dataset;
extern std::vector<double> weights;
extern std::vector<int64_t> lengths;
// ---- tensor_dataset.h
extern at::Tensor images, labels;
