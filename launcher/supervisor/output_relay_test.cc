#include "launcher/supervisor/output_relay.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
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

  // Forwards until something comes, which must be this.
  void wait_for(const std::string& text) {
    std::string output = forwarded();
    while (output.empty()) {
      ASSERT_TRUE(relay_.wait().has_value());
      std::this_thread::sleep_for(*relay_.wait());
      output = forwarded();
    }
    EXPECT_EQ(output, text);
  }

  int num_polled() const {
    std::vector<pollfd> polled;
    relay_.add_to(polled);
    return static_cast<int>(polled.size());
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
  wait_for("continue? ");
  EXPECT_FALSE(relay_.wait().has_value());
  ranks_[0].put("yes\n");
  EXPECT_EQ(forwarded(), "yes\n");
}

TEST_F(OutputRelayTest, WaitsForTheEndOfALineThatIsPassedOnWhenAnotherRankWrites) {
  ranks_[0].put("loss ");
  wait_for("loss ");
  ranks_[1].put("other\n");
  EXPECT_EQ(forwarded(), "");
  EXPECT_TRUE(relay_.wait().has_value());
  ranks_[0].put("0.5\n");
  EXPECT_EQ(forwarded(), "0.5\nother\n");
  EXPECT_FALSE(relay_.wait().has_value());
}

TEST_F(OutputRelayTest, DoesNotWaitForTheEndOfAPrompt) {
  ranks_[0].put("continue? ");
  wait_for("continue? ");
  ranks_[1].put("other\nopen");
  wait_for("\nother\n");
  wait_for("open");
  relay_.finish(1);
  ranks_[0].put("yes\n");
  EXPECT_EQ(forwarded(), "\nyes\n");
}

TEST_F(OutputRelayTest, DoesNotWaitForTheEndOfALineWithMuchToPassOn) {
  ranks_[0].put("10 %");
  wait_for("10 %");
  const std::string line(1023, 'x');
  std::string output;
  for (int i = 0; i < 64; ++i) {
    ranks_[1].put(line + "\n");
    output += forwarded();
  }
  EXPECT_EQ(output.substr(0, 6), "\nxxxxx");
}

TEST_F(OutputRelayTest, FinishesAllHoweverOpenTheirLinesAre) {
  ranks_[1].put("10 %");
  wait_for("10 %");
  ranks_[0].put("one\ntwo");
  EXPECT_EQ(forwarded(), "");
  relay_.finish_all();
  EXPECT_EQ(output_.take(), "\none\ntwo");
  EXPECT_FALSE(relay_.wait().has_value());
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
  EXPECT_EQ(num_polled(), 2);
  ranks_[0].write_end.reset();
  relay_.forward();
  EXPECT_EQ(num_polled(), 1);
}

// The same with a prefix for each rank, and a file for the first.
class PrefixedOutputTest : public ::testing::Test {
 protected:
  PrefixedOutputTest()
      : relay_(output_.write_end.get(), [this](std::string_view lines) { remarks_ += lines; }),
        ranks_(2) {
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

  std::string remarks_;
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

TEST(OutputRelay, KeepsAndRemembersWhatIsNotShown) {
  const Pipe output;
  Pipe log;
  Pipe rank;
  OutputRelay relay(output.write_end.get());
  relay.add({.pipe = std::move(rank.read_end),
             .prefix = "[0]:",
             .log = std::move(log.write_end),
             .is_shown = false});
  rank.put("one\ntwo");
  relay.forward();
  EXPECT_FALSE(relay.wait().has_value());
  relay.finish_all();
  EXPECT_EQ(output.take(), "");
  EXPECT_EQ(log.take(), "one\ntwo");
  EXPECT_EQ(relay.tail(0), "one\ntwo\n");
}

TEST_F(PrefixedOutputTest, SaysOnceThatTheFileCannotBeWrittenAndGoesOn) {
  signal(SIGPIPE, SIG_IGN);
  log_.read_end.reset();
  ranks_[0].put("one\n");
  EXPECT_EQ(finished(0), "[0]:one\n") << "without a word among the data";
  ranks_[0].put("two\n");
  EXPECT_EQ(finished(0), "[0]:two\n");
  EXPECT_EQ(remarks_,
            "accelerate: cannot write logs/0: Broken pipe; the rest of this output is not kept; "
            "make room for it.\n");
  EXPECT_TRUE(relay_.has_lost());
}

// Nobody reads what is more than a pipe holds.
class UnreadOutputTest : public PrefixedOutputTest {
 protected:
  void fill() {
    const std::string text(16 * 1024, 'x');
    while (is_read()) {
      ranks_[1].put(text + "\n");
      relay_.forward();
      written_ += text.size() + 1;
    }
  }

  // Whether the pipes are still read.
  bool is_read() const {
    std::vector<pollfd> polled;
    relay_.add_to(polled);
    return std::any_of(polled.begin(), polled.end(),
                       [](const pollfd& each) { return each.events == POLLIN; });
  }

  std::size_t written_ = 0;
};

TEST_F(UnreadOutputTest, LetsTheProcessesWaitUntilItIsRead) {
  fill();
  EXPECT_TRUE(relay_.has_rest());
  std::size_t size = 0;
  while (relay_.has_rest()) {
    const std::string read = output_.take();
    size += read.size() - 4 * std::count(read.begin(), read.end(), ']');
    relay_.forward();
  }
  size += output_.take().size();
  EXPECT_TRUE(is_read());
  EXPECT_EQ(remarks_, "");
  EXPECT_GE(size, written_);
}

TEST_F(UnreadOutputTest, IsDroppedWithOneRemark) {
  fill();
  relay_.give_up();
  EXPECT_FALSE(relay_.has_rest());
  EXPECT_TRUE(is_read());
  ranks_[0].put("more\n");
  relay_.finish(0);
  EXPECT_FALSE(relay_.has_rest());
  EXPECT_EQ(remarks_,
            "accelerate: nobody reads what the processes print; the rest of it is dropped.\n");
  EXPECT_EQ(log_.take(), "more\n") << "which goes on all the same";
  output_.take();
  ranks_[1].put("read\n");
  relay_.forward();
  EXPECT_EQ(output_.take(), "[1]:read\n");
}

TEST(OutputRelay, SaysOnceThatTheOutputIsLostOnAFullDiskButNotForWantOfAReader) {
  signal(SIGPIPE, SIG_IGN);
  const FileDescriptor full(open("/dev/full", O_WRONLY | O_CLOEXEC));
  std::string remarks;
  OutputRelay relay(full.get(), [&](std::string_view lines) { remarks += lines; });
  relay.print("one\n");
  relay.print("two\n");
  EXPECT_TRUE(relay.has_lost());
  EXPECT_EQ(remarks,
            "accelerate: cannot write what the processes print: No space left on device; some of "
            "it is lost; make room for it.\n");

  Pipe output;
  output.read_end.reset();
  remarks.clear();
  OutputRelay unread(output.write_end.get(), [&](std::string_view lines) { remarks += lines; });
  unread.print("one\n");
  EXPECT_FALSE(unread.has_lost());
  EXPECT_EQ(remarks, "");
}

}  // namespace
}  // namespace accelerate::launcher
