// What whoever launches a program says to its Accelerator in variables.
#include <c10/util/Logging.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "accelerate/core/test_helpers.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using testing::HasSubstr;

// Sets a variable while it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST(LaunchVariables, SayHowManyBatchesAnUpdateHas) {
  EXPECT_EQ(Full({.gradient_accumulation_steps = 2}).gradient_accumulation_steps(), 2);
  {
    const Variable steps("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4");
    EXPECT_EQ(Full().gradient_accumulation_steps(), 4);
    EXPECT_EQ(Full({.gradient_accumulation_steps = 2}).gradient_accumulation_steps(), 4)
        << "as in Python";
  }
  for (const char* wrong : {"0", "two", ""}) {
    const Variable steps("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", wrong);
    const std::string message = message_of([] { Full(); });
    EXPECT_THAT(message, HasSubstr("ACCELERATE_GRADIENT_ACCUMULATION_STEPS="));
  }
}

TEST(LaunchVariables, ReplaceTheProgramsNumberOfBatchesWithAWarning) {
  const Variable steps("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4");
  Warnings warnings;
  Full();
  Full({.gradient_accumulation_steps = 4});
  EXPECT_THAT(warnings.all, testing::IsEmpty());
  const Full accelerator({.gradient_accumulation_steps = 2});
  EXPECT_EQ(warnings.all.size(), accelerator.is_main_process() ? 1 : 0);
}

TEST(LaunchVariables, SayWhichWarningsAreLeftOut) {
  const int usual = FLAGS_caffe2_log_level;
  Full();
  EXPECT_EQ(FLAGS_caffe2_log_level, usual);
  {
    const Variable level("ACCELERATE_LOG_LEVEL", "error");
    Full();
    EXPECT_EQ(FLAGS_caffe2_log_level, 2);
  }
  {
    const Variable level("ACCELERATE_LOG_LEVEL", "loud");
    const std::string message = message_of([] { Full(); });
    EXPECT_THAT(message, HasSubstr("ACCELERATE_LOG_LEVEL=loud is no level; set it to one of"));
  }
  FLAGS_caffe2_log_level = usual;
}

}  // namespace
}  // namespace accelerate
