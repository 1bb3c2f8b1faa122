#include "launcher/plan/host_slots.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(HostSlots, AreThoseOfEachLine) {
  EXPECT_THAT(parse_host_slots("# two hosts\nnode1 slots=1\n\n node2\tmax_slots=9 slots=3 # big\n"),
              ElementsAre(1, 3));
  EXPECT_THAT(parse_host_slots("node1:2\nnode2:4"), ElementsAre(2, 4));
}

TEST(HostSlots, AreNoneWhereAHostHasNoNumber) {
  for (const char* text : {"", "#\n", "node1 slots=1\nnode2\n", "node1 slots=0", "node1 slots=x",
                           "node1 slots=99999999999"}) {
    EXPECT_THAT(parse_host_slots(text), IsEmpty()) << text;
  }
}

}  // namespace
}  // namespace accelerate::launcher
