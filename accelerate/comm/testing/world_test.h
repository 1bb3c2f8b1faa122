// A test that runs on several processes at once, with their communicator.
//
//   TEST_F(WorldTest, HasAllRanks) { EXPECT_EQ(world_->size(), size_); }
//
// Not for processes that die: use forked_ranks.h.
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "accelerate/comm/communicator.h"

namespace accelerate {

class WorldTest : public testing::Test {
 protected:
  static std::shared_ptr<Communicator> join() {
    const auto worker = launcher::read_worker_environment().value().value();
    return Communicator::world(worker, make_process_info(worker, c10::DeviceType::CPU), {});
  }

  std::shared_ptr<Communicator> world_ = join();
  int rank_ = world_->rank();
  int size_ = world_->size();
};

}  // namespace accelerate
