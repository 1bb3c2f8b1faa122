#include "launcher/config/nearest_name.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(NearestName, FindsTheOneWithTheFewestEdits) {
  const std::vector<std::string> names = {"num_machines", "num_processes", "debug", "no"};
  EXPECT_EQ(nearest_name("num_proceses", names), "num_processes");
  EXPECT_EQ(nearest_name("num_machine", names), "num_machines");
  EXPECT_EQ(nearest_name("NUM-PROCESSES", names), "num_processes");
  EXPECT_EQ(nearest_name("debg", names), "debug");
}

TEST(NearestName, FindsNoneThatIsFarAway) {
  EXPECT_EQ(nearest_name("colour", {"debug", "num_processes"}), std::nullopt);
  EXPECT_EQ(nearest_name("", {"no"}), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(1 << 20, 'x'), {std::string(1 << 20, 'x')}), std::nullopt);
}

}  // namespace
}  // namespace accelerate::launcher
