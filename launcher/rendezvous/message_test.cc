#include "launcher/rendezvous/message.h"

#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const std::vector<Message>& one_of_each() {
  static const std::vector<Message> messages = {
      Hello{.job_id = "id",
            .machine_rank = 3,
            .num_processes = 1'000'000,
            .terms = {{"--num_machines", "4"}, {"", ""}}},
      Hello{},
      Ready{.attempt = 2, .store_port = 65535},
      MachineEnd{.kind = EndKind::kFailedRank,
                 .attempt = 1,
                 .rank = 1023,
                 .by_signal = true,
                 .code = 11,
                 .text = "no"},
      Welcome{.machine_rank = 7},
      Refusal{.reason = "because"},
      Start{.attempt = 1,
            .store_port = 1,
            .store_secret = "9c1f",
            .first_rank = 999'999,
            .world_size = 1'000'000},
      Stop{.machine = 1,
           .cause = "a cause",
           .is_worker_end = true,
           .exit_code = 3,
           .is_restarted = true},
      Stop{},
      Finish{},
  };
  return messages;
}

std::string error(std::string bytes) { return std::string(take_message(bytes).status().message()); }

TEST(Message, IsReadAsItWasWritten) {
  std::string bytes;
  for (const Message& message : one_of_each()) bytes += encode(message);
  for (const Message& message : one_of_each()) {
    const auto taken = take_message(bytes);
    ASSERT_TRUE(taken.ok()) << taken.status();
    EXPECT_TRUE(*taken == message) << "kind " << message.index();
  }
  EXPECT_THAT(bytes, IsEmpty());
}

TEST(Message, WaitsForItsEnd) {
  for (const Message& message : one_of_each()) {
    const std::string whole = encode(message);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      std::string part = whole.substr(0, size);
      const auto taken = take_message(part);
      ASSERT_TRUE(taken.ok()) << taken.status();
      EXPECT_FALSE(taken->has_value());
      EXPECT_THAT(part, SizeIs(size));
    }
  }
}

TEST(Message, RefusesNumbersThatThereCannotBe) {
  for (const int number : {70'000, 1 << 30}) {
    EXPECT_THAT(error(encode(MachineEnd{.kind = EndKind::kSignal, .code = number})),
                HasSubstr("impossible numbers"));
    EXPECT_THAT(error(encode(Ready{.store_port = number})), HasSubstr("impossible numbers"));
    EXPECT_THAT(error(encode(Stop{.exit_code = number})), HasSubstr("impossible numbers"));
  }
}

TEST(Message, RefusesNumbersOfProcessesThatThereCannotBe) {
  const auto is_refused = [](const Message& message) {
    return error(encode(message)).find("impossible numbers") != std::string::npos;
  };
  EXPECT_TRUE(is_refused(Hello{.num_processes = 0}));
  EXPECT_TRUE(is_refused(Hello{.num_processes = 1'000'001}));
  EXPECT_TRUE(is_refused(Start{.world_size = 0}));
  EXPECT_TRUE(is_refused(Start{.world_size = 1'000'001}));
  EXPECT_TRUE(is_refused(Start{.first_rank = 4, .world_size = 4}));
  EXPECT_FALSE(is_refused(Start{.first_rank = 3, .world_size = 4}));
}

// A launcher ends with 128 + the signal, or with the code: with 0, were it 128, or 0.
TEST(Message, RefusesEndsAfterWhichALauncherWouldEndWell) {
  const auto is_refused = [](const Message& message) {
    return error(encode(message)).find("impossible numbers") != std::string::npos;
  };
  for (const int signal : {0, 65, 128, 255, 256}) {
    EXPECT_TRUE(is_refused(MachineEnd{.kind = EndKind::kSignal, .code = signal})) << signal;
    EXPECT_TRUE(
        is_refused(MachineEnd{.kind = EndKind::kFailedRank, .by_signal = true, .code = signal}));
  }
  for (const int code : {0, 256, 512}) {
    EXPECT_TRUE(is_refused(MachineEnd{.kind = EndKind::kFailedRank, .code = code})) << code;
    EXPECT_TRUE(is_refused(Stop{.exit_code = code})) << code;
  }
  EXPECT_FALSE(is_refused(MachineEnd{.kind = EndKind::kFailedRank, .code = 255}));
  EXPECT_FALSE(is_refused(MachineEnd{.kind = EndKind::kSignal, .code = 64}));
  EXPECT_FALSE(is_refused(MachineEnd{.kind = EndKind::kWell}));
}

TEST(Message, RefusesWhatIsNone) {
  EXPECT_THAT(error("GET / HTTP/1.1\r\n\r\n"), HasSubstr("not a message of a launcher"));
  EXPECT_THAT(error("G"), HasSubstr("not a message of a launcher"));
  std::string other_version = encode(Finish());
  other_version[7] = 99;
  EXPECT_THAT(error(other_version), HasSubstr("another version"));
  std::string unknown = encode(Finish());
  unknown[11] = 99;
  EXPECT_THAT(error(unknown), HasSubstr("unknown kind"));
  std::string long_one = encode(Finish());
  long_one[12] = 1;
  EXPECT_THAT(error(long_one), HasSubstr("too long"));
  std::string with_more = encode(Finish()) + "....";
  with_more[15] = 4;
  EXPECT_THAT(error(with_more), HasSubstr("members"));
}

TEST(Message, KeepsTextsShortAndHarmless) {
  std::string bytes =
      encode(Refusal{"a\nb\x1b[31m\xc3\xa9\u009b\u202e" + std::string(100'000, 'x')});
  const auto taken = take_message(bytes);
  ASSERT_TRUE(taken.ok()) << taken.status();
  const std::string reason = std::get<Refusal>(**taken).reason;
  EXPECT_THAT(reason, ::testing::StartsWith("a b [31m\xc3\xa9??xxx"));
  // Of five bytes, two were left.
  EXPECT_THAT(reason, SizeIs(4096 - 3));
}

// Whatever arrives: a message, nothing yet, or an error; never a crash, and never without an end.
TEST(Message, SurvivesAnyBytes) {
  std::mt19937 random(1);
  const auto below = [&random](std::size_t limit) { return random() % limit; };
  for (int round = 0; round < 200'000; ++round) {
    std::string bytes = encode(one_of_each()[below(one_of_each().size())]);
    for (std::size_t change = below(4); change > 0; --change) {
      bytes[below(bytes.size())] = static_cast<char>(below(4) == 0 ? below(256) : below(3));
    }
    if (below(4) == 0) bytes.resize(below(bytes.size()) + 1);
    while (!bytes.empty()) {
      const std::size_t size = bytes.size();
      const auto taken = take_message(bytes);
      if (!taken.ok() || !taken->has_value()) break;
      ASSERT_LT(bytes.size(), size);
    }
  }
}

}  // namespace
}  // namespace accelerate::launcher
