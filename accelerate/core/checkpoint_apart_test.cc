// A save that not all ranks call. Alone in its program, whose ranks are apart afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

TEST(CheckpointApart, NamesTheLineAndTheRankThatIsElsewhere) {
  Full accelerator;
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/apart";
  if (accelerator.is_main_process()) {
    const int line = __LINE__ + 1;
    const std::string message = message_of([&] { accelerator.save_state(path); });
    EXPECT_THAT(message, HasSubstr("checkpoint_apart_test.cc:" + std::to_string(line)));
    EXPECT_THAT(message, HasSubstr("rank 1"));
  } else {
    EXPECT_THAT(message_of([&] { accelerator.wait_for_everyone(); }), HasSubstr("rank 0"));
  }
}

}  // namespace
}  // namespace accelerate
