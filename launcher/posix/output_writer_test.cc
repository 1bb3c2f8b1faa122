#include "launcher/posix/output_writer.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

// Two ends of something, of which one is written to; both wait, as those of a shell do.
struct Ends {
  FileDescriptor read;
  FileDescriptor write;
};

Ends pipe_ends() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

Ends socket_ends() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// Where nobody turns "\n" into "\r\n".
Ends terminal_ends() {
  int terminal = -1;
  int program = -1;
  EXPECT_EQ(openpty(&terminal, &program, nullptr, nullptr, nullptr), 0);
  termios attributes = {};
  tcgetattr(program, &attributes);
  cfmakeraw(&attributes);
  tcsetattr(program, TCSANOW, &attributes);
  return {FileDescriptor(terminal), FileDescriptor(program)};
}

std::string take_some(const FileDescriptor& from) {
  std::array<char, 8192> buffer;
  const ssize_t size = read(from.get(), buffer.data(), buffer.size());
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// More than any of these takes without a reader.
std::string much() {
  std::string text;
  for (int line = 0; text.size() < 4 * OutputWriter::kMostKept; ++line) {
    text += "line " + std::to_string(line) + "\n";
  }
  return text;
}

class OutputWriterTest : public testing::TestWithParam<Ends (*)()> {};

TEST_P(OutputWriterTest, KeepsInOrderWhatNobodyReads) {
  const Ends ends = GetParam()();
  OutputWriter writer(ends.write.get());
  const std::string text = much();
  const std::size_t half = text.size() / 2;
  writer.write(std::string_view(text).substr(0, half));
  EXPECT_TRUE(writer.has_rest());
  EXPECT_TRUE(writer.is_full());
  writer.write(std::string_view(text).substr(half));
  std::string read;
  while (read.size() < text.size()) {
    read += take_some(ends.read);
    writer.flush();
  }
  EXPECT_EQ(read, text);
  EXPECT_FALSE(writer.has_rest());
  EXPECT_EQ(writer.error(), 0);
}

TEST_P(OutputWriterTest, LeavesTheStreamAsItWasForOthers) {
  const Ends ends = GetParam()();
  OutputWriter writer(ends.write.get());
  writer.write("text\n");
  EXPECT_EQ(fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(fcntl(ends.read.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(take_some(ends.read), "text\n");
}

TEST_P(OutputWriterTest, ForgetsTheRestWhenItIsToldTo) {
  const Ends ends = GetParam()();
  OutputWriter writer(ends.write.get());
  writer.write(much());
  EXPECT_GT(writer.drop(), 0u);
  EXPECT_FALSE(writer.has_rest());
  EXPECT_EQ(writer.drop(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Streams, OutputWriterTest,
                         testing::Values(pipe_ends, socket_ends, terminal_ends));

TEST(OutputWriter, SaysWhyWritingFails) {
  signal(SIGPIPE, SIG_IGN);
  const FileDescriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  OutputWriter writer(full.get());
  writer.write("lost\n");
  EXPECT_EQ(writer.error(), ENOSPC);
  EXPECT_FALSE(writer.has_rest());
  for (Ends (*make)() : {pipe_ends, socket_ends}) {
    Ends ends = make();
    OutputWriter unread(ends.write.get());
    ends.read.reset();
    unread.write("lost\n");
    EXPECT_EQ(unread.error(), EPIPE);
    EXPECT_FALSE(unread.has_rest());
  }
}

}  // namespace
}  // namespace accelerate::launcher
