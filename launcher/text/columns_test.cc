#include "launcher/text/columns.h"

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(Columns, AreTwoForWideCharacters) {
  EXPECT_EQ(columns_of(""), 0);
  EXPECT_EQ(columns_of("loss=0.1"), 8);
  EXPECT_EQ(columns_of("é█▌"), 3);
  EXPECT_EQ(columns_of("学習"), 4);
  EXPECT_EQ(columns_of("손실"), 4);
  EXPECT_EQ(columns_of("😀"), 2);
}

TEST(Columns, AreNoneForAccentsOfTheirOwn) { EXPECT_EQ(columns_of("e\u0301"), 1); }

TEST(Columns, KnowNoBrokenText) { EXPECT_GE(columns_of("\xff\xe5\xad"), 2); }

TEST(Clipped, KeepsWholeCharacters) {
  EXPECT_EQ(clipped("loss", 10), "loss");
  EXPECT_EQ(clipped("loss", 3), "los");
  EXPECT_EQ(clipped("学習", 3), "学");
  EXPECT_EQ(clipped("学習", 1), "");
  EXPECT_EQ(clipped("e\u0301a", 1), "e\u0301");
  EXPECT_EQ(clipped("loss", 0), "");
  EXPECT_EQ(clipped("loss", -1), "");
}

}  // namespace
}  // namespace accelerate::launcher
