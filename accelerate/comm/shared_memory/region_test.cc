#include "accelerate/comm/shared_memory/region.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "gtest/gtest.h"

namespace accelerate::internal {
namespace {

TEST(Region, IsOneMemoryForWhoeverHasItsDescriptor) {
  const auto region = Region::create(8192);
  const auto same = Region::open(dup(region->descriptor()), 8192);
  static_cast<char*>(region->memory())[8191] = 'x';
  EXPECT_EQ(static_cast<char*>(same->memory())[8191], 'x');
}

TEST(Region, IsRefusedWithoutEndingTheProcessWhereFilesMustBeSmaller) {
  rlimit limit = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlim_t old_limit = limit.rlim_cur;
  limit.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (int time = 0; time < 2; ++time) {
    try {
      Region::create(8192);
      ADD_FAILURE() << "it is larger than a file may be";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EFBIG);
    }
  }
  sigset_t pending;
  sigpending(&pending);
  EXPECT_FALSE(sigismember(&pending, SIGXFSZ));
  EXPECT_NO_THROW(Region::create(4096));
  limit.rlim_cur = old_limit;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

}  // namespace
}  // namespace accelerate::internal
