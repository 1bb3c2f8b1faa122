#include "launcher/env/mixed_precision.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;

TEST(MixedPrecision, NamesAndParsesEachPrecision) {
  for (const std::string name : {"no", "fp16", "bf16"}) {
    const absl::StatusOr<MixedPrecision> precision = parse_mixed_precision(name);
    ASSERT_TRUE(precision.ok()) << name;
    EXPECT_EQ(to_string(*precision), name);
  }
  EXPECT_EQ(*parse_mixed_precision("fp32"), MixedPrecision::kNo);
}

TEST(MixedPrecision, SaysThatFp8IsNotSupported) {
  EXPECT_THAT(std::string(parse_mixed_precision("fp8").status().message()),
              HasSubstr("fp8 is not supported here; choose one of no, fp16, bf16"));
}

TEST(MixedPrecision, ListsTheValidOnesForAnythingElse) {
  for (const std::string text : {"", "half", "FP16", "fp64"}) {
    EXPECT_THAT(
        std::string(parse_mixed_precision(text).status().message()),
        HasSubstr("\"" + text + "\" is not a mixed precision; choose one of no, fp16, bf16"));
  }
}

}  // namespace
}  // namespace accelerate::launcher
