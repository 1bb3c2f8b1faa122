// What a program asks of the Accelerator besides a training step: objects of all ranks, its share
// of inputs, triggers, seeds, and a batch size for which there is memory. On one, two and three
// processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>

#include "accelerate/core/test_helpers.h"
#include "accelerate/data/tensor_dataset.h"
#include "testing/errors/message_of.h"

// Where memory cannot be had, sanitizers would end the process before LibTorch can throw.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
extern "C" const char* __tsan_default_options() { return "allocator_may_return_null=1"; }

namespace accelerate {
namespace {

using testing::HasSubstr;
using Strings = std::vector<std::string>;
using Sizes = std::vector<int64_t>;

class ProgramFunctions : public testing::Test {
 protected:
  Full accelerator_;
  int rank_ = accelerator_.process_index();
  int size_ = accelerator_.num_processes();
  int last_ = size_ - 1;
};

// ---- Objects

struct Report {
  std::string name;
  std::vector<at::Tensor> tensors;
  std::map<int, std::optional<double>> scores;
};

Report report_of(int rank) {
  Report report{std::to_string(rank), {}, {{rank, std::nullopt}}};
  for (int i = 0; i < rank; ++i) report.tensors.push_back(torch::full({i + 1}, rank));
  if (rank > 0) report.scores[-1] = 0.5;
  return report;
}

TEST_F(ProgramFunctions, GathersObjectsThatAreBuiltDifferentlyOnEachRank) {
  const std::vector<Report> all = accelerator_.gather_object(report_of(rank_));
  ASSERT_EQ(all.size(), static_cast<size_t>(size_));
  for (int rank = 0; rank < size_; ++rank) {
    const Report expected = report_of(rank);
    EXPECT_EQ(all[rank].name, expected.name);
    EXPECT_EQ(all[rank].scores, expected.scores);
    ASSERT_EQ(all[rank].tensors.size(), expected.tensors.size());
    for (int i = 0; i < rank; ++i)
      EXPECT_TRUE(at::equal(all[rank].tensors[i], expected.tensors[i]));
  }
}

TEST_F(ProgramFunctions, ConcatenatesVectorsOfObjects) {
  std::vector<int> ranks, repeated;
  for (int rank = 0; rank < size_; ++rank) {
    ranks.push_back(rank);
    repeated.insert(repeated.end(), rank, rank);
  }
  EXPECT_EQ(accelerator_.gather_object(std::vector<int>{rank_}), ranks);
  EXPECT_EQ(accelerator_.gather_object(rank_), ranks);
  // None of rank 0.
  EXPECT_EQ(accelerator_.gather_object(std::vector<int>(rank_, rank_)), repeated);
  EXPECT_EQ(accelerator_.gather_object("text"), Strings(size_, "text"));
  EXPECT_EQ(accelerator_.gather_object(std::vector<bool>{true}), std::vector<bool>(size_, true));
  const auto of_each_rank = accelerator_.gather_object(std::vector<Strings>{Strings(rank_, "a")});
  ASSERT_EQ(of_each_rank.size(), static_cast<size_t>(size_));
  EXPECT_EQ(of_each_rank[last_], Strings(last_, "a"));
}

TEST_F(ProgramFunctions, GathersObjectsThatTheProgramsOwnMemoryIsNoPartOf) {
  const at::Tensor mine = torch::ones({3});
  const auto all = accelerator_.gather_object(mine);
  mine.fill_(7);
  EXPECT_TRUE(at::equal(all[rank_], torch::ones({3})));
}

TEST_F(ProgramFunctions, BroadcastsTheObjectOfOneRank) {
  const Report mine = rank_ == last_ ? report_of(2) : Report();
  const Report received = accelerator_.broadcast_object(mine, last_);
  EXPECT_EQ(received.name, "2");
  ASSERT_EQ(received.tensors.size(), 2u);
  EXPECT_TRUE(at::equal(received.tensors[1], torch::full({2}, 2)));
  EXPECT_EQ(accelerator_.broadcast_object(std::to_string(rank_)), "0");
  EXPECT_EQ(accelerator_.broadcast_object(Strings(rank_, "a"), last_), Strings(last_, "a"));
  EXPECT_THAT(message_of([&] { (void)accelerator_.broadcast_object(1, size_); }),
              HasSubstr("there are " + std::to_string(size_) + " processes"));
}

TEST_F(ProgramFunctions, CountsEachSamplesObjectOnce) {
  struct Prediction {
    int64_t sample;
    std::map<std::string, double> scores;
  };
  const int64_t size = 8 * size_ + 3;
  const auto samples = torch::arange(size);
  auto loader = accelerator_.prepare(
      DataLoader(TensorDataset(samples, samples), {.batch_size = 4, .shuffle = true}));
  std::vector<bool> seen(size, false);
  for (auto& batch : loader) {
    std::vector<Prediction> mine;
    for (int64_t i = 0; i < batch.data.size(0); ++i)
      mine.push_back({batch.data[i].template item<int64_t>(), {}});
    for (const Prediction& each : accelerator_.gather_object_for_metrics(mine)) {
      EXPECT_FALSE(seen[each.sample]);
      seen[each.sample] = true;
    }
  }
  EXPECT_EQ(seen, std::vector<bool>(size, true));
}

TEST_F(ProgramFunctions, AreNoPartOfACapturedStep) {
  auto step = accelerator_.capture([&](const at::Tensor& x) {
    (void)accelerator_.gather_object(3);
    return x * 2;
  });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(step(torch::ones({1})).item<float>(), 2);
  EXPECT_THAT(step.refusal().value_or(""), HasSubstr("the objects of all ranks"));
}

// ---- Shares

struct Inputs {
  std::vector<std::string> names;
  at::Tensor rows;
  std::optional<at::Tensor> more;
};

TEST_F(ProgramFunctions, SplitsInputsSoThatAllPartsTogetherAreTheInputs) {
  for (const int64_t length : {0, 1, 2, 5, 17}) {
    SCOPED_TRACE(length);
    Inputs inputs{{}, torch::arange(2 * length).view({length, 2}), torch::arange(length)};
    for (int64_t i = 0; i < length; ++i) inputs.names.push_back(std::to_string(i));
    const Inputs mine = accelerator_.split_between_processes(inputs);
    EXPECT_EQ(mine.rows.size(0), static_cast<int64_t>(mine.names.size()));
    EXPECT_EQ(accelerator_.gather_object(mine.names), inputs.names);
    EXPECT_TRUE(at::equal(accelerator_.gather(mine.rows), inputs.rows));
    EXPECT_TRUE(at::equal(accelerator_.gather(*mine.more), *inputs.more));
    const std::map<std::string, Strings> map =
        accelerator_.split_between_processes(std::map<std::string, Strings>{{"a", inputs.names}});
    EXPECT_EQ(map.at("a"), mine.names);
  }
}

TEST_F(ProgramFunctions, RepeatsTheLastElementUntilAllPartsAreOfOneLength) {
  const Strings names{"a", "b", "c", "d", "e"};
  const at::Tensor rows = torch::arange(10).view({5, 2});
  const auto [my_names, my_rows] =
      accelerator_.split_between_processes(std::pair(names, rows), {.apply_padding = true});
  const int64_t each = (5 + size_ - 1) / size_;
  EXPECT_EQ(my_rows.sizes(), at::IntArrayRef({each, 2}));
  Strings expected = names;
  expected.resize(each * size_, "e");
  const Strings all = accelerator_.gather_object(my_names);
  EXPECT_EQ(my_names.size(), static_cast<size_t>(each));
  EXPECT_EQ(all, expected);
  // The numbers of the names' rows.
  const at::Tensor all_rows = accelerator_.gather(my_rows);
  for (int64_t i = 0; i < each * size_; ++i)
    EXPECT_EQ(all_rows[i][0].item<int64_t>(), 2 * (all[i][0] - 'a'));
  if (rank_ == last_) {
    EXPECT_EQ(my_names.back(), "e");
  }
  // Where there is no last one.
  EXPECT_TRUE(accelerator_.split_between_processes(Strings(), {.apply_padding = true}).empty());
  EXPECT_EQ(
      accelerator_.split_between_processes(torch::zeros({0, 3}), {.apply_padding = true}).sizes(),
      at::IntArrayRef({0, 3}));
}

TEST_F(ProgramFunctions, SplitsWhatCannotBeCopied) {
  const auto make = [] {
    std::vector<std::unique_ptr<int>> values;
    for (int i = 0; i < 5; ++i) values.push_back(std::make_unique<int>(i));
    return values;
  };
  const auto mine = accelerator_.split_between_processes(make());
  EXPECT_EQ(*mine.front(), rank_ * (5 / size_) + std::min(rank_, 5 % size_));
  if (rank_ == last_ && size_ > 1) {
    EXPECT_THAT(message_of([&] {
                  (void)accelerator_.split_between_processes(make(), {.apply_padding = true});
                }),
                HasSubstr("cannot be repeated"));
  }
}

TEST_F(ProgramFunctions, RefusesInputsWhosePartsWouldNotBelongTogether) {
  const std::map<std::string, Strings> map{{"a", {"x"}}, {"b", {"y", "z"}}};
  EXPECT_THAT(message_of([&] { (void)accelerator_.split_between_processes(map); }),
              HasSubstr("different lengths (1 and 2)"));
  EXPECT_THAT(message_of([&] { (void)accelerator_.split_between_processes(torch::ones({})); }),
              HasSubstr("unsqueeze(0)"));
}

// ---- Triggers and processes

TEST_F(ProgramFunctions, TriggersOnAllRanksWhenOneSaysSo) {
  EXPECT_FALSE(accelerator_.check_trigger());
  if (accelerator_.is_last_process()) accelerator_.set_trigger();
  EXPECT_TRUE(accelerator_.check_trigger());
  EXPECT_FALSE(accelerator_.check_trigger());
  accelerator_.set_trigger();
  accelerator_.set_trigger();
  EXPECT_TRUE(accelerator_.check_trigger());
  EXPECT_FALSE(accelerator_.check_trigger());
}

TEST_F(ProgramFunctions, KnowsTheLastProcess) {
  std::vector<bool> expected(size_, false);
  expected.back() = true;
  EXPECT_EQ(accelerator_.gather(accelerator_.is_last_process()), expected);
}

TEST_F(ProgramFunctions, LetsTheLocalMainProcessGoFirst) {
  const std::string path = accelerator_.broadcast_object(std::string(testing::TempDir()) +
                                                         "/first_" + std::to_string(getpid()));
  const bool is_there = accelerator_.local_main_process_first([&] {
    const bool found = std::filesystem::exists(path);
    if (accelerator_.is_local_main_process()) std::ofstream(path) << "here";
    return found;
  });
  EXPECT_EQ(is_there, rank_ != 0);
  accelerator_.wait_for_everyone();
  if (rank_ == 0) std::filesystem::remove(path);
}

// ---- Seeds

TEST_F(ProgramFunctions, SeedsAllRanksAlikeOrEachByItsIndex) {
  const auto drawn = [](uint64_t seed) {
    torch::manual_seed(seed);
    return torch::rand({4});
  };
  const at::Tensor alike = drawn(5), mine = drawn(5 + rank_);
  accelerator_.set_seed(5);
  EXPECT_TRUE(at::equal(torch::rand({4}), alike));
  accelerator_.set_seed(5, {.device_specific = true});
  EXPECT_TRUE(at::equal(torch::rand({4}), mine));
  // The largest seed has one after it.
  accelerator_.set_seed(std::numeric_limits<uint64_t>::max(), {.device_specific = true});
  EXPECT_FALSE(at::globalContext().deterministicAlgorithms());
  accelerator_.set_seed(5, {.deterministic = true});
  EXPECT_TRUE(at::globalContext().deterministicAlgorithms());
  at::globalContext().setDeterministicAlgorithms(false, false);
}

// ---- Memory

[[noreturn]] void fail_for_memory() { throw std::bad_alloc(); }

const Sizes kFrom128To8{128, 115, 103, 92, 82, 73, 65, 58, 52, 46, 41, 36,
                        32,  28,  25,  22, 19, 17, 15, 13, 11, 9,  8};

TEST_F(ProgramFunctions, FindsABatchSizeByTenthsLess) {
  Sizes tried;
  find_executable_batch_size([&](int64_t size) {
    tried.push_back(size);
    if (size > 8) fail_for_memory();
  });
  EXPECT_EQ(tried, kFrom128To8);

  tried.clear();
  const auto run = [&](int64_t size) {
    tried.push_back(size);
    if (size > 8) fail_for_memory();
    return std::make_unique<int64_t>(size);
  };
  EXPECT_EQ(*find_executable_batch_size(run, {.starting_batch_size = 10}), 8);
  EXPECT_EQ(tried, (Sizes{10, 9, 8}));
  tried.clear();
  const auto half = [](int64_t size) { return size / 2; };
  EXPECT_EQ(*find_executable_batch_size(run, {.reduce = half}), 8);
  EXPECT_EQ(tried, (Sizes{128, 64, 32, 16, 8}));
}

TEST_F(ProgramFunctions, SaysWhenNoBatchSizeIsLeft) {
  const auto search = [](const BatchSizeOptions& options) {
    return message_of(
        [&] { find_executable_batch_size([](int64_t) { fail_for_memory(); }, options); });
  };
  EXPECT_THAT(search({}), HasSubstr("No executable batch size found, reached zero."));
  EXPECT_THAT(search({.reduce = [](int64_t) { return -1; }}), HasSubstr("reached zero"));
  EXPECT_THAT(search({.reduce = [](int64_t size) { return size; }}),
              HasSubstr("must return a smaller size"));
  EXPECT_THAT(search({.starting_batch_size = 0}), HasSubstr("give 1 or more"));
}

TEST_F(ProgramFunctions, LetsOtherErrorsThrough) {
  int calls = 0;
  const auto search = [&calls](auto error) {
    find_executable_batch_size([&](int64_t) {
      ++calls;
      throw error;
    });
  };
  EXPECT_THROW(search(std::runtime_error("out of paper")), std::runtime_error);
  EXPECT_THROW(search(std::bad_array_new_length()), std::bad_array_new_length);
  EXPECT_THROW(search(3), int);
  EXPECT_THROW(find_executable_batch_size([&](int64_t) {
                 ++calls;
                 TORCH_CHECK(false, "sizes do not match");
               }),
               c10::Error);
  EXPECT_EQ(calls, 4);
}

TEST_F(ProgramFunctions, KnowsWhatLibTorchThrowsWithoutMemory) {
  const auto is_for_memory = [](const auto& function) {
    try {
      function();
    } catch (const std::exception& error) {
      return is_out_of_memory(error);
    }
    return false;
  };
  EXPECT_TRUE(is_for_memory([] { (void)torch::empty({int64_t{1} << 50}); }));
  EXPECT_TRUE(is_for_memory(
      [] { TORCH_CHECK_WITH(OutOfMemoryError, false, "of a GPU, in whatever words"); }));
  EXPECT_TRUE(is_for_memory([] { TORCH_CHECK(false, "CUDA error: out of memory"); }));
  EXPECT_FALSE(is_for_memory([] { TORCH_CHECK(false, "CUDA error: an illegal access"); }));
}

TEST_F(ProgramFunctions, FindsABatchSizeForAllRanks) {
  // The last rank has memory for fewer than the others.
  const int64_t fits = rank_ == last_ ? 8 : 40;
  Sizes tried;
  int alive = 0, most_alive = 0;
  struct Model {
    explicit Model(int* count) : alive(count, [](int* it) { --*it; }) { ++*count; }
    std::shared_ptr<int> alive;
  };
  const auto found = accelerator_.find_executable_batch_size([&](int64_t size) {
    tried.push_back(size);
    Model model(&alive);
    most_alive = std::max(most_alive, alive);
    if (size > fits) fail_for_memory();
    return std::pair(size, model);
  });
  EXPECT_EQ(found.first, 8);
  EXPECT_EQ(tried, kFrom128To8);
  // What succeeded here and not there is gone before the next is made.
  EXPECT_EQ(most_alive, 1);
  EXPECT_EQ(alive, 1);
}

TEST_F(ProgramFunctions, LetsGoOfWhatAProgramHolds) {
  at::Tensor tensor = torch::ones({3});
  std::vector<at::Tensor> tensors{tensor};
  torch::nn::Linear net(2, 3);
  auto sgd = std::make_optional<torch::optim::SGD>(net->parameters(), 0.1);
  torch::data::Example<> batch(tensor, tensor);
  const c10::weak_intrusive_ptr<c10::TensorImpl> weight(net->weight.getIntrusivePtr());
  const c10::weak_intrusive_ptr<c10::TensorImpl> ones(tensor.getIntrusivePtr());
  release_memory(tensor, tensors, net, sgd, batch);
  EXPECT_FALSE(tensor.defined());
  EXPECT_TRUE(tensors.empty());
  EXPECT_TRUE(net.is_empty());
  EXPECT_FALSE(sgd.has_value());
  EXPECT_FALSE(batch.data.defined());
  EXPECT_TRUE(weight.expired());
  EXPECT_TRUE(ones.expired());
}

TEST_F(ProgramFunctions, FreesAllModelsAndPreparesThemAnew) {
  torch::nn::Sequential net = small_net();
  auto model = accelerator_.prepare(net);
  accelerator_.backward(model(torch::ones({2, 1})).sum());
  at::Tensor kept = torch::ones({1});
  accelerator_.free_memory(kept);
  EXPECT_FALSE(kept.defined());
  net->zero_grad();
  auto [again, sgd] = std::pair(accelerator_.prepare(net),
                                std::make_shared<torch::optim::SGD>(net->parameters(), 0.1));
  auto optimizer = accelerator_.prepare(*sgd);
  accelerator_.backward(again(torch::full({2, 1}, rank_ + 1.0)).sum());
  optimizer.step();
  const at::Tensor bias = net->parameters().back();
  for (const at::Tensor& of_rank : accelerator_.gather_object(bias))
    EXPECT_TRUE(at::equal(of_rank, bias));
}

}  // namespace
}  // namespace accelerate
