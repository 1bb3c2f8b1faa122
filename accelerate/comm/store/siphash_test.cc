#include "accelerate/comm/store/siphash.h"

#include <gtest/gtest.h>

#include <string>

namespace accelerate::internal {
namespace {

constexpr SipKey kKey{0x0706050403020100, 0x0f0e0d0c0b0a0908};

// Those of the paper and of its authors' program.
TEST(SipHash, GivesThePublishedNumbers) {
  std::string bytes;
  for (char byte = 0; byte < 15; ++byte) bytes.push_back(byte);
  EXPECT_EQ(siphash(kKey, ""), 0x726fdb47dd0e0e31);
  EXPECT_EQ(siphash(kKey, bytes.substr(0, 1)), 0x74f839c593dc67fd);
  EXPECT_EQ(siphash(kKey, bytes.substr(0, 8)), 0x93f5f5799a932462);
  EXPECT_EQ(siphash(kKey, bytes), 0xa129ca6149be45e5);
}

}  // namespace
}  // namespace accelerate::internal
