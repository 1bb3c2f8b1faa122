// Processes that come to a run that does not wait for them: the run goes on.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "accelerate/comm/testing/world_test.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

class RollCallTest : public WorldTest {
 protected:
  // What a further process is told that comes to this run as one of its processes.
  std::string refusal_of(launcher::WorkerEnvironment worker, ProcessGroupOptions options = {}) {
    const auto info = make_process_info(worker, c10::DeviceType::CPU);
    return message_of([&] { Communicator::connect(worker, info, options); });
  }
  void expect_to_go_on() {
    at::Tensor sum = at::full({3}, rank_ + 1);
    world_->all_reduce(sum, ReduceOp::kSum);
    EXPECT_EQ(sum[0].item<int>(), size_ * (size_ + 1) / 2);
  }

  launcher::WorkerEnvironment own_ = launcher::read_worker_environment().value().value();
};

TEST_F(RollCallTest, RefusesARankThatIsThereAlready) {
  if (rank_ > 0) {
    const std::string message = refusal_of(own_);
    EXPECT_NE(message.find("rank " + std::to_string(rank_) + " has come already, as process " +
                           std::to_string(getpid())),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("a port of its own"), std::string::npos) << message;
  }
  expect_to_go_on();
}

TEST_F(RollCallTest, RefusesAProcessOfARunOfAnotherKind) {
  if (rank_ > 0) {
    launcher::WorkerEnvironment larger = own_;
    larger.world_size = 5;
    larger.rank = 4;
    EXPECT_NE(refusal_of(larger).find("rank 0 there is of a run of 3 processes on cpu that may "
                                      "share memory, and this process of one of 5 processes"),
              std::string::npos);
    EXPECT_NE(refusal_of(own_, {.shared_memory = false}).find("this process of one of 3 processes"),
              std::string::npos);
  }
  expect_to_go_on();
}

}  // namespace
}  // namespace accelerate
