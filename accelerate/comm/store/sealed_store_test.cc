#include "accelerate/comm/store/sealed_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "testing/errors/message_of.h"

namespace accelerate::internal {
namespace {

using ::testing::HasSubstr;

class SealedStoreTest : public testing::Test {
 protected:
  c10::intrusive_ptr<SealedStore> with(const std::string& secret) {
    return c10::make_intrusive<SealedStore>(bare_, secret);
  }
  static std::string text_of(const std::vector<uint8_t>& bytes) {
    return {bytes.begin(), bytes.end()};
  }
  void expect_refused(const std::function<void()>& read) {
    EXPECT_THAT(message_of(read), HasSubstr("was written by no process of this run"));
  }

  c10::intrusive_ptr<c10d::Store> bare_ = c10::make_intrusive<c10d::HashStore>();
  c10::intrusive_ptr<SealedStore> store_ = with("tulips");
};

TEST_F(SealedStoreTest, HasWhatWasWritten) {
  store_->set("a", "1");
  with("tulips")->set("empty", "");
  EXPECT_EQ(with("tulips")->get_to_str("a"), "1");
  EXPECT_EQ(store_->get_to_str("empty"), "");
  store_->multiSet({"b", "c"}, {{2}, {3, 3}});
  EXPECT_EQ(store_->multiGet({"c", "b"}), (std::vector<std::vector<uint8_t>>{{3, 3}, {2}}));
  EXPECT_EQ(text_of(store_->clone()->get("a")), "1");
  EXPECT_TRUE(store_->check({"a"}));
  EXPECT_EQ(store_->add("sum", 2) + store_->add("sum", 3), 7);
  EXPECT_TRUE(store_->deleteKey("a"));
  EXPECT_FALSE(store_->check({"a"}));
}

TEST_F(SealedStoreTest, ComparesWhatItHas) {
  EXPECT_EQ(store_->compareSet("a", std::string(), std::string("1")), "1");
  EXPECT_EQ(store_->compareSet("a", std::string(), std::string("2")), "1");
  EXPECT_EQ(store_->compareSet("a", std::string("1"), std::string("3")), "3");
}

TEST_F(SealedStoreTest, BelievesNobodyElse) {
  store_->set("a", "1");
  store_->set("b", "1");
  const auto sealed = bare_->get("a");
  // Of another key, of another secret, cut off, changed, and plain.
  bare_->set("b", sealed);
  expect_refused([&] { store_->get("b"); });
  expect_refused([&] { with("tulip")->get("a"); });
  for (size_t size = 0; size < sealed.size(); ++size) {
    bare_->set("a", std::vector<uint8_t>(sealed.begin(), sealed.begin() + size));
    expect_refused([&] { store_->get("a"); });
  }
  for (size_t i = 0; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] ^= 1;
    bare_->set("a", changed);
    expect_refused([&] { store_->multiGet({"a"}); });
  }
  bare_->set("a", std::vector<uint8_t>(100, 'x'));
  expect_refused([&] { store_->compareSet("a", std::string("1"), std::string("2")); });
}

}  // namespace
}  // namespace accelerate::internal
