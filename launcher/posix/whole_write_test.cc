#include "launcher/posix/whole_write.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "launcher/posix/file_descriptor.h"

namespace accelerate::launcher {
namespace {

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    reader = FileDescriptor(ends[0]);
    writer = FileDescriptor(ends[1]);
  }
  FileDescriptor reader;
  FileDescriptor writer;
};

bool is_pending(int signal) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, signal) == 1;
}

TEST(WriteWhole, WaitsForTheReaderOfAStreamThatDoesNotWait) {
  Pipe pipe;
  fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK);
  std::string read_back;
  std::thread reader([&] {
    std::array<char, 4096> bytes;
    for (ssize_t size = 0; (size = read(pipe.reader.get(), bytes.data(), bytes.size())) > 0;)
      read_back.append(bytes.data(), static_cast<std::size_t>(size));
  });
  const std::string text(1'000'000, 'x');
  const WholeWrite end = write_whole(pipe.writer.get(), text);
  pipe.writer.reset();
  reader.join();
  EXPECT_EQ(end.size, text.size());
  EXPECT_EQ(end.error, 0);
  EXPECT_TRUE(read_back == text);
}

TEST(WriteWhole, FailsWithoutASignalWhereNobodyReads) {
  Pipe pipe;
  pipe.reader.reset();
  EXPECT_EQ(write_whole(pipe.writer.get(), "text").error, EPIPE);
  EXPECT_FALSE(is_pending(SIGPIPE));
}

TEST(WriteWhole, LeavesSignalsOfOthersAsTheyAre) {
  sigset_t own;
  sigemptyset(&own);
  sigaddset(&own, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &own, nullptr);
  raise(SIGPIPE);
  Pipe pipe;
  pipe.reader.reset();
  EXPECT_EQ(write_whole(pipe.writer.get(), "text").error, EPIPE);
  EXPECT_TRUE(is_pending(SIGPIPE));
  int taken = 0;
  sigwait(&own, &taken);
  pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
}

TEST(WriteWhole, SaysHowMuchAFileHadRoomFor) {
  const std::string path = testing::TempDir() + "whole_write_test";
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  rlimit limit = {};
  getrlimit(RLIMIT_FSIZE, &limit);
  rlimit small = limit;
  small.rlim_cur = 6;
  setrlimit(RLIMIT_FSIZE, &small);
  const WholeWrite end = write_whole(file.get(), "a text");
  const WholeWrite beyond = write_whole(file.get(), "more");
  setrlimit(RLIMIT_FSIZE, &limit);
  EXPECT_EQ(end.size, 6u);
  EXPECT_EQ(end.error, 0);
  EXPECT_EQ(beyond.size, 0u);
  EXPECT_EQ(beyond.error, EFBIG);
  EXPECT_FALSE(is_pending(SIGXFSZ));
  unlink(path.c_str());
}

TEST(WriteWhole, WritesNothingOfAnEmptyText) { EXPECT_EQ(write_whole(-1, "").error, 0); }

}  // namespace
}  // namespace accelerate::launcher
