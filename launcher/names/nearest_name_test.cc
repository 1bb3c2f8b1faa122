#include "launcher/names/nearest_name.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

using ::testing::Optional;

const std::vector<std::string> kNames = {"config", "env", "estimate-memory", "launch", "test"};

TEST(EditDistance, CountsTheLettersToChange) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("launch", "launch"), 0);
  EXPECT_EQ(edit_distance("", "env"), 3);
  EXPECT_EQ(edit_distance("env", ""), 3);
  EXPECT_EQ(edit_distance("lunch", "launch"), 1) << "one left out";
  EXPECT_EQ(edit_distance("lauunch", "launch"), 1) << "one put in";
  EXPECT_EQ(edit_distance("laumch", "launch"), 1) << "one changed";
  EXPECT_EQ(edit_distance("luanch", "launch"), 1) << "two swapped";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

TEST(NearestName, IsTheOneThatWasMeant) {
  EXPECT_THAT(nearest_name("lunch", kNames), Optional(std::string("launch")));
  EXPECT_THAT(nearest_name("evn", kNames), Optional(std::string("env")));
  EXPECT_THAT(nearest_name("estimate_memory", kNames), Optional(std::string("estimate-memory")));
  EXPECT_THAT(nearest_name("estimate", kNames), Optional(std::string("estimate-memory")));
  EXPECT_THAT(nearest_name("ab", {"ax", "ay"}), Optional(std::string("ax"))) << "the first";
}

TEST(NearestName, IsNoneWhereNothingIsAlike) {
  EXPECT_EQ(nearest_name("xyz", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("", kNames), std::nullopt);
  EXPECT_EQ(nearest_name("x", {}), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'x'), kNames), std::nullopt);
}

TEST(Suggestion, NamesTheNearestOrAll) {
  EXPECT_EQ(suggestion("lanuch", kNames), "did you mean launch?");
  EXPECT_EQ(suggestion("zzz", {"config", "env"}), "choose one of config, env.");
  EXPECT_EQ(suggestion("zzz", {"a\nb", std::string(3000, 'x')}),
            "choose one of a b, " + std::string(60, 'x') + "....");
  EXPECT_EQ(suggestion("lss\x1b[31m", {"loss\x1b[31m"}), "did you mean loss [31m?");
}

TEST(NearestNameOfMany, FindsTheOneWithTheFewestEdits) {
  const std::vector<std::string> names = {"num_machines", "num_processes", "debug", "no"};
  EXPECT_EQ(nearest_name_of_many("num_proceses", names), "num_processes");
  EXPECT_EQ(nearest_name_of_many("num_machine", names), "num_machines");
  EXPECT_EQ(nearest_name_of_many("NUM-PROCESSES", names), "num_processes");
  EXPECT_EQ(nearest_name_of_many("debg", names), "debug");
}

TEST(NearestNameOfMany, FindsNoneThatIsFarAway) {
  EXPECT_EQ(nearest_name_of_many("colour", {"debug", "num_processes"}), std::nullopt);
  EXPECT_EQ(nearest_name_of_many("", {"no"}), std::nullopt);
  EXPECT_EQ(nearest_name_of_many("x", {}), std::nullopt);
  EXPECT_EQ(nearest_name_of_many(std::string(1 << 20, 'x'), {std::string(1 << 20, 'x')}),
            std::nullopt);
}

}  // namespace
}  // namespace accelerate::launcher
