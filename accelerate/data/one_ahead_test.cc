#include "accelerate/data/one_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace accelerate {
namespace {

TEST(OneAhead, HandsOverInOrderWithOneMoreBegun) {
  int64_t begun = 0;
  OneAhead<std::unique_ptr<int64_t>> items(4, [&begun](int64_t index) {
    ++begun;
    return std::make_unique<int64_t>(index);
  });
  EXPECT_EQ(begun, 0);
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(*items.next(), i);
    EXPECT_EQ(begun, std::min<int64_t>(i + 2, 4));
  }
}

TEST(OneAhead, ThrowsAnExceptionWhereItsItemWouldHaveBeen) {
  for (const int64_t bad : {0, 2, 4}) {
    OneAhead<int64_t> items(5, [bad](int64_t index) {
      if (index == bad) throw std::runtime_error("no such item");
      return index;
    });
    for (int64_t i = 0; i < 5; ++i) {
      if (i == bad) {
        EXPECT_THROW(items.next(), std::runtime_error);
      } else {
        EXPECT_EQ(items.next(), i);
      }
    }
  }
}

TEST(OneAhead, BeginsNothingMoreAfterAnExceptionUntilItIsAsked) {
  int64_t begun = 0;
  OneAhead<int64_t> items(5, [&begun](int64_t index) {
    ++begun;
    if (index == 1) throw std::runtime_error("no item 1");
    return index;
  });
  items.next();
  EXPECT_THROW(items.next(), std::runtime_error);
  EXPECT_EQ(begun, 2);
}

TEST(OneAhead, LetsGoOfWhatNobodyTakes) {
  const auto token = std::make_shared<int>();
  {
    OneAhead<std::shared_ptr<int>> items(5, [&token](int64_t) { return token; });
    items.next();
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

}  // namespace
}  // namespace accelerate
