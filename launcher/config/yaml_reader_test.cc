#include "launcher/config/yaml_reader.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/config/json_reader.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Kind = ConfigNode::Kind;

ConfigNode parse(const std::string& text) {
  const auto document = parse_yaml(text, "a.yaml");
  EXPECT_TRUE(document.ok()) << document.status() << "\n" << text;
  return document.ok() ? *document : ConfigNode{};
}

std::string error(const std::string& text) {
  const auto document = parse_yaml(text, "a.yaml");
  EXPECT_FALSE(document.ok()) << text.substr(0, 100);
  return std::string(document.status().message());
}

std::string repeat(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

TEST(ParseYaml, KnowsTheLinesAndKindsOfValues) {
  const ConfigNode map =
      parse("a: no\n# Comment.\nb: 'no'\nc:\n  d: 2.0\n  e: [1, ~]\nf: !!str 1\n");
  EXPECT_EQ(map.kind, Kind::kMap);
  ASSERT_EQ(map.children.size(), 4u);
  EXPECT_EQ(map.children[0].key, "a");
  EXPECT_EQ(map.children[0].kind, Kind::kBoolean);
  EXPECT_EQ(map.children[1].kind, Kind::kString);
  EXPECT_EQ(map.children[1].line, 3);
  const ConfigNode& c = map.children[2];
  EXPECT_EQ(c.children.at(0).kind, Kind::kFloat);
  EXPECT_EQ(c.children.at(1).children.at(0).kind, Kind::kInteger);
  EXPECT_EQ(c.children.at(1).children.at(1).kind, Kind::kNull);
  EXPECT_EQ(c.children.at(1).line, 6);
  EXPECT_EQ(map.children[3].kind, Kind::kString);
}

TEST(ParseYaml, FillsAliasesIn) {
  const ConfigNode map = parse("a: &x {b: &y 1}\nc: *x\nd: *y\n");
  EXPECT_EQ(map.children.at(1).children.at(0).text, "1");
  EXPECT_EQ(map.children.at(1).line, 2);
  EXPECT_EQ(map.children.at(2).text, "1");
  EXPECT_THAT(error("a: *x"), StartsWith("a.yaml:1: this is not YAML ("));
  EXPECT_THAT(error("a: &x {b: *x}"), HasSubstr("a.yaml:1: an alias refers to a value that"));
}

TEST(ParseYaml, RefusesKeysThatAreNoText) {
  for (const std::string text : {"? [a]\n: b\n", "{a: 1}: b\n", "~: b\n", "? \n: b\n"}) {
    EXPECT_THAT(error(text), HasSubstr("a key is not text; write `key: value`.")) << text;
  }
}

TEST(ParseYaml, RefusesMoreThanOneDocument) {
  EXPECT_THAT(error("a: 1\n---\na: 2\n"), StartsWith("a.yaml:2: a second document begins"));
  EXPECT_EQ(parse("---\na: 1\n...\n").children.size(), 1u);
}

TEST(ParseYaml, RefusesTypesOfPython) {
  EXPECT_THAT(error("a: !!python/object/apply:os.system ['ls']\n"),
              AllOf(HasSubstr("the type \"tag:yaml.org,2002:python/object/apply:os.system\""),
                    HasSubstr("leave it out")));
  for (const std::string text : {"a: !!python/name:os.system x", "a: !mine 1", "a: !!int x",
                                 "a: !!map [1]", "a: !!set {b}", "a: !!binary aGk="}) {
    EXPECT_THAT(error(text), StartsWith("a.yaml:1: the type")) << text;
  }
}

TEST(ParseYaml, EndsAtTheLimits) {
  EXPECT_THAT(error("a: " + repeat("[", 17) + repeat("]", 17)), HasSubstr("more than 16 deep"));
  EXPECT_THAT(error(repeat("[", 500000)), StartsWith("a.yaml:1: "));
  EXPECT_THAT(error(repeat("- ", 500000)), HasSubstr("more than 16 deep"));
  EXPECT_THAT(error("a: [" + repeat("1,", 5001) + "]"), HasSubstr("more than 5000 values"));
  // Nine times nine times nine and so on.
  std::string bomb = "a0: &a0 [" + repeat("x,", 9) + "]\n";
  for (int i = 1; i < 10; ++i) {
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [", repeat(absl::StrCat("*a", i - 1, ","), 9),
                    "]\n");
  }
  EXPECT_THAT(error(bomb), HasSubstr("more than 5000 values"));
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 20; ++i) absl::StrAppend(&deep, "a", i, ": &a", i, " [*a", i - 1, "]\n");
  EXPECT_THAT(error(deep), HasSubstr("more than 16 deep"));
}

TEST(ParseYaml, TakesTheLongestTextsInItsStride) {
  const int size = kMaxConfigBytes;
  for (const std::string& text :
       {repeat("\\N", size / 2), repeat("\\_x", size / 3), repeat("a ", size / 2)}) {
    EXPECT_GE(parse("\"" + text + "\"").text.size(), text.size() / 2);
  }
  // None of these may take long, whatever comes of them.
  for (const std::string part :
       {"? ", ": ", "!", "&a ", "*a ", "'", "\"", "\n", "\t", "%A\n", "a:\n", "{", "|\n", "---\n",
        "\"a\": ", ",", "a: b\n  c\n", "\"\\\n", "!<a"}) {
    parse_yaml(repeat(part, size / static_cast<int>(part.size())), "a.yaml").status().IgnoreError();
  }
}

TEST(ParseJson, EndsAtTheLimits) {
  const auto message = [](const std::string& text) {
    return std::string(parse_json(text, "a.json").status().message());
  };
  EXPECT_THAT(message(repeat("[", 1 << 20)), HasSubstr("a.json:1: lists and maps are nested"));
  EXPECT_THAT(message(repeat("{\"a\":", 1 << 17)), HasSubstr("more than 16 deep"));
  EXPECT_THAT(message("[" + repeat("1,\n", 5001) + "1]"), HasSubstr("more than 5000 values"));
  EXPECT_THAT(message("{\"a\": NaN}"), HasSubstr("a.json:1: this is not JSON"));
  EXPECT_THAT(message(""), HasSubstr("a.json:1: this is not JSON"));
}

}  // namespace
}  // namespace accelerate::launcher
