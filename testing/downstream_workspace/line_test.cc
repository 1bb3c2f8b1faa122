// On two processes, each of which runs this.
#include <gtest/gtest.h>

#include "accelerate/accelerate.h"

TEST(Line, IsFitByTwoProcesses) {
  accelerate::Accelerator<accelerate::MultiCpu, accelerate::Fp32> accelerator;
  EXPECT_EQ(accelerator.reduce(1), 2);
}
