#include "launcher/rendezvous/program_digest.h"

#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

std::string digest_of(const std::string& bytes) {
  const std::string path = testing::TempDir() + "/program";
  std::ofstream(path, std::ios::binary) << bytes;
  return program_digest(path);
}

TEST(ProgramDigest, TellsPrograms) {
  // The constants of FNV-1a: an empty input, and "a".
  EXPECT_EQ(digest_of(""), "cbf29ce484222325");
  EXPECT_EQ(digest_of("a"), "af63dc4c8601ec8c");
  const std::string long_one(200'000, 'x');
  EXPECT_EQ(digest_of(long_one), digest_of(long_one));
  EXPECT_NE(digest_of(long_one), digest_of(long_one + "y"));
  EXPECT_EQ(program_digest("/no/such/program"), "unreadable");
}

}  // namespace
}  // namespace accelerate::launcher
