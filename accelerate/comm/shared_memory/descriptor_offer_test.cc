#include "accelerate/comm/shared_memory/descriptor_offer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <functional>
#include <stdexcept>

namespace accelerate::internal {
namespace {

using ::testing::HasSubstr;

constexpr uid_t kStranger = 65534;
// A test that runs into it hangs.
constexpr std::chrono::minutes kLong{30};

std::string obstacle_to_taking(const DescriptorSource& source) {
  try {
    close(take_descriptor(source, kLong));
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

// What a child writes that may be another user's.
std::string text_of_child(bool is_stranger, const std::function<std::string()>& function) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const std::string text =
        is_stranger && setuid(kStranger) != 0 ? "still the same user" : function();
    const bool is_written = write(ends[1], text.data(), text.size()) >= 0;
    _exit(is_written ? 0 : 1);
  }
  close(ends[1]);
  char text[512];
  const ssize_t size = read(ends[0], text, sizeof(text));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return std::string(text, size > 0 ? size : 0);
}

class DescriptorOfferTest : public testing::Test {
 protected:
  ~DescriptorOfferTest() override { close(file_); }

  static DescriptorSource source_of(const DescriptorOffer& offer) {
    return {.address = offer.address(), .token = offer.token(), .pid = getpid()};
  }

  const int file_ = memfd_create("shared", MFD_CLOEXEC);
};

TEST_F(DescriptorOfferTest, IsTakenByTheProcessesItIsFor) {
  const DescriptorOffer offer(file_, {.pids = {getpid()}});
  const int same = take_descriptor(source_of(offer), kLong);
  struct stat ours, theirs;
  ASSERT_EQ(fstat(file_, &ours), 0);
  ASSERT_EQ(fstat(same, &theirs), 0);
  EXPECT_EQ(ours.st_ino, theirs.st_ino);
  EXPECT_NE(same, file_);
  close(same);
}

TEST_F(DescriptorOfferTest, IsNotTakenByAnotherProcess) {
  const DescriptorOffer offer(file_, {.pids = {getpid()}});
  const DescriptorSource source = source_of(offer);
  EXPECT_THAT(text_of_child(false, [&] { return obstacle_to_taking(source); }),
              HasSubstr("another process, or another user's"));
}

TEST_F(DescriptorOfferTest, IsTakenByAnyProcessOfTheUserWhereNumbersAreUnknown) {
  const DescriptorOffer offer(file_);
  const DescriptorSource source = source_of(offer);
  EXPECT_EQ(text_of_child(false, [&] { return obstacle_to_taking(source); }), "");
}

TEST_F(DescriptorOfferTest, IsNotTakenByAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const DescriptorOffer offer(file_);
  // He asks whoever answers.
  EXPECT_EQ(text_of_child(true,
                          [&] {
                            const int visitor = socket(AF_UNIX, SOCK_SEQPACKET, 0);
                            sockaddr_un to = {};
                            to.sun_family = AF_UNIX;
                            offer.address().copy(to.sun_path, sizeof(to.sun_path));
                            const auto size = static_cast<socklen_t>(
                                offsetof(sockaddr_un, sun_path) + offer.address().size());
                            connect(visitor, reinterpret_cast<sockaddr*>(&to), size);
                            char bytes[64];
                            return std::to_string(recv(visitor, bytes, sizeof(bytes), 0));
                          }),
            "0");
}

TEST_F(DescriptorOfferTest, IsNotTakenFromAnotherUserOrProcess) {
  const DescriptorOffer offer(file_);
  DescriptorSource source = source_of(offer);
  source.token.back() ^= 1;
  EXPECT_THAT(obstacle_to_taking(source), HasSubstr("another process, or another user's"));
  source = source_of(offer);
  source.pid = getppid();
  EXPECT_THAT(obstacle_to_taking(source), HasSubstr("another process, or another user's"));
  if (geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  source.pid = 0;
  EXPECT_THAT(text_of_child(true, [&] { return obstacle_to_taking(source); }),
              HasSubstr("another process, or another user's"));
}

TEST_F(DescriptorOfferTest, IsNotHeldUpByStrangersWhoComeAndStay) {
  const DescriptorOffer offer(file_, {.pids = {getpid()}});
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  offer.address().copy(to.sun_path, sizeof(to.sun_path));
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + offer.address().size());
  const DescriptorSource source = source_of(offer);
  const auto crowd = [&] {
    std::string all_came = "yes";
    for (int visit = 0; visit < 6000; ++visit) {
      const int visitor = socket(AF_UNIX, SOCK_SEQPACKET, 0);
      if (connect(visitor, reinterpret_cast<const sockaddr*>(&to), size) != 0) all_came = "no";
      // Some stay.
      if (visit >= 500) close(visitor);
    }
    return all_came;
  };
  EXPECT_EQ(text_of_child(geteuid() == 0, crowd), "yes");
  EXPECT_EQ(obstacle_to_taking(source), "");
}

TEST_F(DescriptorOfferTest, IsMissedOnceItIsOver) {
  DescriptorSource source;
  {
    const DescriptorOffer offer(file_);
    source = source_of(offer);
  }
  EXPECT_THAT(obstacle_to_taking(source), HasSubstr("connecting to the first process"));
  source.address = std::string(200, 'x');
  EXPECT_THAT(obstacle_to_taking(source), HasSubstr("an address that is too long"));
}

}  // namespace
}  // namespace accelerate::internal
