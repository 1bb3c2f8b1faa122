// Several passes over one loader at once: no copy of the data set is read by two threads at a time.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "accelerate/data/data_loader.h"

namespace accelerate {
namespace {

std::atomic<int> clashes = 0;

// Notices when a copy of it is used twice at once.
class Watched : public torch::data::datasets::Dataset<Watched> {
 public:
  Watched() = default;
  Watched(const Watched& other) { const Use use(other); }

  torch::data::Example<> get(size_t index) override {
    const Use use(*this);
    // A write that a ThreadSanitizer sees.
    last_ = index;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    return {at::full({1}, static_cast<int64_t>(last_)), at::ones({1})};
  }
  std::optional<size_t> size() const override {
    const Use use(*this);
    return 24;
  }

 private:
  struct Use {
    explicit Use(const Watched& of) : users(of.users_) {
      if (users.fetch_add(1) > 0) ++clashes;
    }
    ~Use() { users.fetch_sub(1); }
    std::atomic<int>& users;
  };

  mutable std::atomic<int> users_ = 0;
  size_t last_ = 0;
};

int64_t sum_of(DataLoader<Watched>& loader) {
  int64_t sum = 0;
  for (auto& batch : loader) sum += batch.data.sum().item<int64_t>();
  return sum;
}

class NestedPasses : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(clashes, 0); }

  DataLoader<Watched> loader_{Watched(), {.batch_size = 2, .num_workers = 2}};
};

TEST_F(NestedPasses, ReadEachCopyInOneThreadAtATime) {
  int64_t sum = 0;
  for (auto& batch : loader_) {
    sum += batch.data.sum().item<int64_t>();
    EXPECT_EQ(sum_of(loader_), 276);
  }
  EXPECT_EQ(sum, 276);
}

TEST_F(NestedPasses, MayBeginBeforeTheLastHasEnded) {
  auto iterator = loader_.begin();
  for (int i = 0; i < 10; ++i) {
    ++iterator;
    if (i % 3 == 2) iterator = loader_.begin();
    EXPECT_EQ(loader_.dataset_size(), 24);
  }
}

TEST_F(NestedPasses, MayGoOnWhileTheLoaderIsPrepared) {
  for (auto& batch : loader_) {
    DataLoader<Watched> placed = loader_.placed({}, 0);
    EXPECT_EQ(sum_of(placed), 276);
    EXPECT_EQ(batch.data.numel(), 2);
  }
}

}  // namespace
}  // namespace accelerate
