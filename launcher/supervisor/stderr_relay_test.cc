#include "launcher/supervisor/stderr_relay.h"

#include <fcntl.h>
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

class StderrRelayTest : public ::testing::Test {
 protected:
  StderrRelayTest() : relay_(output_.write_end.get()), ranks_(2) {
    for (Pipe& rank : ranks_) relay_.add(std::move(rank.read_end));
  }

  std::string forwarded() {
    relay_.forward();
    return output_.take();
  }

  Pipe output_;
  StderrRelay relay_;
  std::vector<Pipe> ranks_;
};

TEST_F(StderrRelayTest, ForwardsWholeLinesAtOnce) {
  ranks_[0].put("one\ntwo\n");
  EXPECT_EQ(forwarded(), "one\ntwo\n");
  EXPECT_FALSE(relay_.wait().has_value());
}

TEST_F(StderrRelayTest, HoldsALineUntilItsEndSoThatLinesDoNotMix) {
  ranks_[0].put("begin ");
  EXPECT_EQ(forwarded(), "");
  EXPECT_TRUE(relay_.wait().has_value());
  ranks_[1].put("other\n");
  EXPECT_EQ(forwarded(), "other\n");
  ranks_[0].put("end\nnext");
  EXPECT_EQ(forwarded(), "begin end\n");
}

TEST_F(StderrRelayTest, ForwardsAnOpenLineAfterAMoment) {
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

TEST_F(StderrRelayTest, StartsANewLineWhereAnotherRankLeftOneOpen) {
  ranks_[0].put("10 %");
  forwarded();
  relay_.finish(0);
  ranks_[1].put("warning\n");
  EXPECT_EQ(forwarded(), "10 %\nwarning\n");
  relay_.print("own\n");
  EXPECT_EQ(output_.take(), "own\n");
}

TEST_F(StderrRelayTest, FinishesWithAllThatWasWritten) {
  const std::string text(50000, 'x');
  ranks_[1].put(text);
  relay_.finish(1);
  EXPECT_EQ(output_.take(), text);
  EXPECT_EQ(relay_.tail(1), text.substr(0, OutputTail::kMaxBytes) + "\n");
}

TEST_F(StderrRelayTest, RemembersTheEndOfEachRank) {
  ranks_[0].put("zero\n");
  ranks_[1].put("one\ntwo");
  relay_.forward();
  EXPECT_EQ(relay_.tail(0), "zero\n");
  EXPECT_EQ(relay_.tail(1), "one\ntwo\n");
}

TEST_F(StderrRelayTest, ForgetsAPipeThatEnded) {
  EXPECT_EQ(relay_.fds().size(), 2u);
  ranks_[0].write_end.reset();
  relay_.forward();
  EXPECT_EQ(relay_.fds().size(), 1u);
}

}  // namespace
}  // namespace accelerate::launcher
