#include "launcher/env/program_mark.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

std::string read_self() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string written(const std::string& name, const std::string& bytes) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// This test is linked with the note.
TEST(ProgramMark, IsFoundInAProgramThatHasIt) { EXPECT_TRUE(has_program_mark("/proc/self/exe")); }

TEST(ProgramMark, IsNotFoundInAnythingElse) {
  for (const std::string path : {"/bin/sh", "/bin/true", "/etc/passwd", "/", "/dev/null",
                                 "/no/such/file", "", "launcher/env/program_mark_test.cc"}) {
    EXPECT_FALSE(has_program_mark(path)) << path;
  }
}

TEST(ProgramMark, IsNotWaitedForInAPipe) {
  const std::string path = testing::TempDir() + "/pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0700), 0);
  EXPECT_FALSE(has_program_mark(path));
}

TEST(ProgramMark, IsNotFoundInAProgramThatWasCutOff) {
  const std::string self = read_self();
  for (const std::size_t size : {0, 4, 63, 64, 200, 500}) {
    EXPECT_FALSE(has_program_mark(written("cut", self.substr(0, size)))) << size;
  }
}

TEST(ProgramMark, IsLookedForInDamagedHeadersWithoutHarm) {
  const std::string self = read_self();
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = self.substr(0, 1 << 14);
    for (int i = 0; i < 8; ++i) damaged[random() % 1024] = static_cast<char>(random());
    has_program_mark(written("damaged", damaged));
  }
}

}  // namespace
}  // namespace accelerate::launcher
