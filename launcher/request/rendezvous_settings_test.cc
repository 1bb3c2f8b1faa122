#include "launcher/request/rendezvous_settings.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string error(const std::string& text) {
  return std::string(parse_rendezvous_settings(text).status().message());
}

TEST(RendezvousSettings, AreTorchrunsWhereNothingIsSaid) {
  const auto reading = parse_rendezvous_settings(" ");
  ASSERT_TRUE(reading.ok()) << reading.status();
  EXPECT_EQ(reading->settings.join_timeout, seconds(600));
  EXPECT_EQ(reading->settings.keep_alive_limit(), seconds(15));
}

TEST(RendezvousSettings, AreReadByTorchrunsNames) {
  const auto reading =
      parse_rendezvous_settings("join_timeout=60, keep_alive_interval=2,keep_alive_max_attempt=4");
  ASSERT_TRUE(reading.ok()) << reading.status();
  EXPECT_EQ(reading->settings, (RendezvousSettings{.join_timeout = seconds(60),
                                                   .keep_alive_interval = seconds(2),
                                                   .keep_alive_max_attempt = 4}));
  EXPECT_EQ(parse_rendezvous_settings("timeout=7")->settings.join_timeout, seconds(7));
}

TEST(RendezvousSettings, SayWhichOfTorchrunsMeanNothing) {
  const auto reading = parse_rendezvous_settings("last_call_timeout=3,is_host=true");
  ASSERT_TRUE(reading.ok()) << reading.status();
  EXPECT_THAT(reading->ignored, ElementsAre("last_call_timeout", "is_host"));
  EXPECT_THAT(parse_rendezvous_settings("timeout=7")->ignored, IsEmpty());
}

TEST(RendezvousSettings, SayWhatIsWrong) {
  EXPECT_THAT(error("join_timeut=3"), AllOf(HasSubstr("`join_timeut`"), HasSubstr("join_timeout")));
  EXPECT_THAT(error("join_timeout"), HasSubstr("no value for `join_timeout`"));
  EXPECT_THAT(error("join_timeout=0"), HasSubstr("--rdzv_conf join_timeout"));
  EXPECT_THAT(error("keep_alive_interval=1h"), HasSubstr("--rdzv_conf keep_alive_interval"));
}

}  // namespace
}  // namespace accelerate::launcher
