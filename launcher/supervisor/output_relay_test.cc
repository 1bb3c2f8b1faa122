#include "launcher/supervisor/output_relay.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

struct Pipe {
  Pipe() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    read_end = FileDescriptor(ends[0]);
    write_end = FileDescriptor(ends[1]);
  }

  void put(const std::string& text) const {
    EXPECT_EQ(write(write_end.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  std::string take() const {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t size; (size = read(read_end.get(), buffer.data(), buffer.size())) > 0;) {
      text.append(buffer.data(), size);
    }
    return text;
  }

  FileDescriptor read_end;
  FileDescriptor write_end;
};

class OutputRelayTest : public ::testing::Test {
 protected:
  OutputRelayTest() : relay_(output_.write_end.get()), ranks_(2) {
    for (Pipe& rank : ranks_) relay_.add({.pipe = std::move(rank.read_end)});
  }

  std::string forwarded() {
    relay_.forward();
    return output_.take();
  }

  Pipe output_;
  OutputRelay relay_;
  std::vector<Pipe> ranks_;
};

TEST_F(OutputRelayTest, ForwardsWholeLinesAtOnce) {
  ranks_[0].put("one\ntwo\n");
  EXPECT_EQ(forwarded(), "one\ntwo\n");
  EXPECT_FALSE(relay_.wait().has_value());
}

TEST_F(OutputRelayTest, HoldsALineUntilItsEndSoThatLinesDoNotMix) {
  ranks_[0].put("begin ");
  EXPECT_EQ(forwarded(), "");
  EXPECT_TRUE(relay_.wait().has_value());
  ranks_[1].put("other\n");
  EXPECT_EQ(forwarded(), "other\n");
  ranks_[0].put("end\nnext");
  EXPECT_EQ(forwarded(), "begin end\n");
}

TEST_F(OutputRelayTest, ForwardsAnOpenLineAfterAMoment) {
  ranks_[0].put("continue? ");
  std::string output = forwarded();
  while (output.empty()) {
    std::this_thread::sleep_for(relay_.wait().value());
    output = forwarded();
  }
  EXPECT_EQ(output, "continue? ");
  EXPECT_FALSE(relay_.wait().has_value());
  ranks_[0].put("yes\n");
  EXPECT_EQ(forwarded(), "yes\n");
}

TEST_F(OutputRelayTest, StartsANewLineWhereAnotherRankLeftOneOpen) {
  ranks_[0].put("10 %");
  forwarded();
  relay_.finish(0);
  ranks_[1].put("warning\n");
  EXPECT_EQ(forwarded(), "10 %\nwarning\n");
  relay_.print("own\n");
  EXPECT_EQ(output_.take(), "own\n");
}

TEST_F(OutputRelayTest, FinishesWithAllThatWasWritten) {
  const std::string text(50000, 'x');
  ranks_[1].put(text);
  relay_.finish(1);
  EXPECT_EQ(output_.take(), text);
  EXPECT_EQ(relay_.tail(1), text.substr(0, OutputTail::kMaxBytes) + "\n");
}

TEST_F(OutputRelayTest, RemembersTheEndOfEachRank) {
  ranks_[0].put("zero\n");
  ranks_[1].put("one\ntwo");
  relay_.forward();
  EXPECT_EQ(relay_.tail(0), "zero\n");
  EXPECT_EQ(relay_.tail(1), "one\ntwo\n");
}

TEST_F(OutputRelayTest, ForgetsAPipeThatEnded) {
  EXPECT_EQ(relay_.fds().size(), 2u);
  ranks_[0].write_end.reset();
  relay_.forward();
  EXPECT_EQ(relay_.fds().size(), 1u);
}

// The same with a prefix for each rank, and a file for the first.
class PrefixedOutputTest : public ::testing::Test {
 protected:
  PrefixedOutputTest() : relay_(output_.write_end.get()), ranks_(2) {
    relay_.add({.pipe = std::move(ranks_[0].read_end),
                .prefix = "[0]:",
                .log = std::move(log_.write_end),
                .log_path = "logs/0"});
    relay_.add({.pipe = std::move(ranks_[1].read_end), .prefix = "[1]:"});
  }

  std::string finished(int rank) {
    relay_.finish(rank);
    return output_.take();
  }

  Pipe output_;
  Pipe log_;
  OutputRelay relay_;
  std::vector<Pipe> ranks_;
};

TEST_F(PrefixedOutputTest, MarksEachLine) {
  ranks_[0].put("one\n\ntwo\n");
  ranks_[1].put("three\n");
  EXPECT_EQ(finished(0), "[0]:one\n[0]:\n[0]:two\n");
  EXPECT_EQ(finished(1), "[1]:three\n");
}

TEST_F(PrefixedOutputTest, MarksALineOnceThatComesInParts) {
  ranks_[0].put("10 %");
  EXPECT_EQ(finished(0), "[0]:10 %");
  ranks_[0].put(" 20 %\ndone\n");
  EXPECT_EQ(finished(0), " 20 %\n[0]:done\n");
  ranks_[0].put("begin");
  EXPECT_EQ(finished(0), "[0]:begin");
  ranks_[1].put("other\n");
  EXPECT_EQ(finished(1), "\n[1]:other\n");
  ranks_[0].put(" end\n");
  EXPECT_EQ(finished(0), "[0]: end\n");
}

TEST_F(PrefixedOutputTest, KeepsTheTextAsItWasWritten) {
  ranks_[0].put("one\ntwo");
  finished(0);
  ranks_[1].put("other");
  finished(1);
  EXPECT_EQ(log_.take(), "one\ntwo");
  EXPECT_EQ(relay_.tail(0), "one\ntwo\n");
}

TEST_F(PrefixedOutputTest, SaysOnceThatTheFileCannotBeWrittenAndGoesOn) {
  signal(SIGPIPE, SIG_IGN);
  log_.read_end.reset();
  ranks_[0].put("one\n");
  EXPECT_EQ(finished(0),
            "accelerate: cannot write logs/0: Broken pipe; the rest of this output is not kept; "
            "make room for it.\n[0]:one\n");
  ranks_[0].put("two\n");
  EXPECT_EQ(finished(0), "[0]:two\n");
}

TEST(OutputRelay, SaysOnceThatTheOutputIsLostOnAFullDiskButNotForWantOfAReader) {
  signal(SIGPIPE, SIG_IGN);
  const FileDescriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  OutputRelay relay(full.get());
  testing::internal::CaptureStderr();
  relay.print("one\n");
  relay.print("two\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "accelerate: cannot write what the processes print: No space left on device; some of "
            "it is lost; make room for it.\n");

  Pipe output;
  output.read_end.reset();
  OutputRelay unread(output.write_end.get());
  testing::internal::CaptureStderr();
  unread.print("one\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace accelerate::launcher
