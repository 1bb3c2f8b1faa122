#include "formats/safetensors/shard_index.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::safetensors {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string problem(const std::string& json) {
  const auto index = parse_shard_index(json);
  EXPECT_FALSE(index.ok()) << json;
  return std::string(index.status().message());
}

TEST(ShardIndex, GroupsTheTensorsByTheirFiles) {
  const auto index = parse_shard_index(
      R"({"metadata":{"total_size":8,"x":[{}]},"weight_map":{"b":"2","a":"1","c":"sub/1","d":"2"}})");
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_THAT(index->files,
              ElementsAre(Pair("1", ElementsAre("a")), Pair("2", ElementsAre("b", "d")),
                          Pair("sub/1", ElementsAre("c"))));
}

TEST(ShardIndex, CanBeEmpty) {
  EXPECT_THAT(parse_shard_index(R"({"weight_map":{}})")->files, IsEmpty());
}

TEST(ShardIndex, RefusesPathsThatLeaveItsFolder) {
  for (const std::string file :
       {"..", "../a", "/a", "b/../../a", "b/..", "", "b/", "../", "a\\u0000b"}) {
    EXPECT_THAT(problem(R"({"weight_map":{"w":")" + file + "\"}}"),
                HasSubstr("the tensor \"w\" would be in the file \""))
        << file;
  }
  EXPECT_TRUE(parse_shard_index(R"({"weight_map":{"w":"..a"}})").ok()) << "no parent folder";
}

TEST(ShardIndex, RefusesWhatIsNoIndex) {
  EXPECT_EQ(problem("{}"), "it has no \"weight_map\"");
  EXPECT_EQ(problem("[]"), "it is an array and not an object");
  EXPECT_EQ(problem(""), "it is not valid JSON at byte 1");
  EXPECT_EQ(problem(R"({"weight_map":["a"]})"), "\"weight_map\" is an array and not an object");
  EXPECT_EQ(problem(R"({"weight_map":{"w":1}})"),
            "the tensor \"w\" has a number and not the name of a file");
  EXPECT_EQ(problem(R"({"weight_map":{"w":{}}})"),
            "the tensor \"w\" has an object and not the name of a file");
  EXPECT_EQ(problem(R"({"weight_map":{"w":"1","w":"2"}})"), "the tensor \"w\" appears in it twice");
  EXPECT_EQ(problem(R"({"weight_map":{},"weight_map":{}})"), "\"weight_map\" appears in it twice");
}

}  // namespace
}  // namespace accelerate::safetensors
