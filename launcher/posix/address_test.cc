#include "launcher/posix/address.h"

#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(Loopback, IsKnownByHowItIsWritten) {
  for (const std::string host : {"localhost", "127.0.0.1", "127.3.2.1", "::1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const std::string host : {"", "10.0.0.1", "1270.example", "node-0", "::2", "localhost2"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

}  // namespace
}  // namespace accelerate::launcher
