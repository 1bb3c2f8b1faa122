#include "launcher/env/integer.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(ParseInteger, TakesWhatLiesWithinTheBounds) {
  EXPECT_EQ(*parse_integer("0", {.name = "N"}), 0);
  EXPECT_EQ(*parse_integer("65535", {.name = "N", .maximum = 65535}), 65535);
  EXPECT_EQ(*parse_integer("-2", {.name = "N", .minimum = -3}), -2);
}

TEST(ParseInteger, RefusesWhatIsNoWholeNumber) {
  for (const std::string text : {"", " ", "abc", "1x", " 1", "1 ", "1.5", "+1", "0x10", "--1"}) {
    EXPECT_FALSE(parse_integer(text, {.name = "N"}).ok()) << "'" << text << "'";
  }
}

TEST(ParseInteger, RefusesWhatLiesOutsideOfTheBounds) {
  EXPECT_FALSE(parse_integer("-1", {.name = "N"}).ok());
  EXPECT_FALSE(parse_integer("4", {.name = "N", .maximum = 3}).ok());
  EXPECT_FALSE(parse_integer("99999999999999999999", {.name = "N"}).ok());
}

TEST(ParseInteger, SaysWhatIsWrongWhereAndWhatToDo) {
  EXPECT_EQ(parse_integer("abc", {.name = "PORT", .maximum = 9, .remedy = "unset it."})
                .status()
                .message(),
            "PORT=abc is not valid: it takes a whole number from 0 to 9; unset it.");
  EXPECT_EQ(
      parse_integer("0", {.name = "N", .minimum = 1, .remedy = "write 1."}).status().message(),
      "N=0 is not valid: it takes a whole number of at least 1; write 1.");
}

}  // namespace
}  // namespace accelerate::launcher
