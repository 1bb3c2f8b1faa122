// Texts with what PyYAML and Python's json make of them, recorded by
// testing/recordings/record_config_files.py.
#include "launcher/config/yaml_scalar.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "launcher/config/config_testing.h"
#include "launcher/config/json_writer.h"
#include "launcher/config/yaml_reader.h"
#include "launcher/config/yaml_writer.h"
#include "nlohmann/json.hpp"

namespace accelerate::launcher {
namespace {

using Kind = ConfigNode::Kind;

ConfigNode text_node(const std::string& text, const std::string& key = "") {
  return {.kind = Kind::kString, .text = text, .key = key};
}

ConfigNode map_of(ConfigNode node) { return {.kind = Kind::kMap, .children = {std::move(node)}}; }

nlohmann::json recorded_scalars() {
  return nlohmann::json::parse(read_text("launcher/config/testdata/scalars.json"));
}

TEST(Texts, AreWrittenAsPythonWritesThem) {
  for (const nlohmann::json& scalar : recorded_scalars()) {
    const std::string text = scalar["text"];
    if (text == "\n") continue;  // See choose_quotes() in yaml_writer.cc.
    const ConfigNode in_map = map_of(text_node(text, "key"));
    EXPECT_EQ(write_yaml(in_map), scalar["yaml"].get<std::string>());
    ConfigNode section = in_map;
    section.key = "fsdp_config";
    EXPECT_EQ(write_yaml(map_of(section)), scalar["section"].get<std::string>());
    EXPECT_EQ(
        write_yaml(map_of({.kind = Kind::kList, .key = "list", .children = {text_node(text)}})),
        scalar["item"].get<std::string>());
    EXPECT_EQ(write_json(text_node(text)), scalar["json"].get<std::string>() + "\n");
  }
}

TEST(Texts, AreReadBackFromWhatPythonWrites) {
  for (const nlohmann::json& scalar : recorded_scalars()) {
    const std::string text = scalar["text"];
    // yaml-cpp drops a line break that is all of a text in quotes.
    if (text == "\n") continue;
    const auto document = parse_yaml(scalar["section"], "my.yaml");
    ASSERT_TRUE(document.ok()) << document.status() << scalar["section"];
    const ConfigNode& value = document->children.at(0).children.at(0);
    EXPECT_EQ(value.text, text) << scalar["section"];
    EXPECT_EQ(value.kind, Kind::kString) << scalar["section"];
  }
}

TEST(Texts, AreWithoutQuotesWhatPythonTakesThemFor) {
  const std::map<std::string, Kind> kinds = {{"null", Kind::kNull},    {"bool", Kind::kBoolean},
                                             {"int", Kind::kInteger},  {"float", Kind::kFloat},
                                             {"str", Kind::kString},   {"timestamp", Kind::kString},
                                             {"merge", Kind::kString}, {"value", Kind::kString}};
  int count = 0;
  for (const nlohmann::json& scalar : recorded_scalars()) {
    if (scalar["plain"].is_null()) continue;
    const std::string text = scalar["text"];
    const std::string kind = scalar["plain"];
    EXPECT_EQ(resolve_plain_scalar(text), kinds.at(kind)) << text;
    EXPECT_EQ(is_plain_string(text), kind == "str") << text;
    ++count;
  }
  EXPECT_GT(count, 300);
}

TEST(SectionText, SpellsNumbersInTheUsualWay) {
  const auto plain = [](const std::string& text) {
    return section_text({.kind = resolve_plain_scalar(text), .text = text});
  };
  const std::map<std::string, std::string> expected = {
      {"yes", "true"},
      {"Off", "false"},
      {"12", "12"},
      {"+12", "12"},
      {"0x10", "16"},
      {"-0b11", "-3"},
      {"010", "8"},
      {"1_000", "1000"},
      {"1:30", "90"},
      {"-1:00:00", "-3600"},
      {"1.0", "1.0"},
      {".5", "0.5"},
      {"1.", "1.0"},
      {"1_0.5", "10.5"},
      {"1.5e-05", "1.5e-05"},
      {"-.INF", "-.inf"},
      {"+.inf", ".inf"},
      {"NO_WRAP", "NO_WRAP"},
      {"1e8", "1e8"},
      {"2024-01-02", "2024-01-02"},
      {"99999999999999999999", "99999999999999999999"},
      {"0xFFFFFFFFFFFFFFFFFFFF", "0xFFFFFFFFFFFFFFFFFFFF"},
      {"9999999999:59:59:59:59:59:59", "9999999999:59:59:59:59:59:59"},
  };
  for (const auto& [text, spelled] : expected) EXPECT_EQ(plain(text), spelled) << text;
  EXPECT_EQ(section_text(text_node("yes")), "yes");
  EXPECT_EQ(section_text({.kind = Kind::kFloat, .text = "1e-5"}), "1.0e-05");
  EXPECT_EQ(section_text({.kind = Kind::kFloat, .text = "1e400"}), "1e400");
}

TEST(SectionText, StandsForANumberOnlyInTheUsualSpelling) {
  for (const std::string text : {"0", "-1", "123456789012345678901234567890"}) {
    EXPECT_EQ(section_text_kind(text), Kind::kInteger) << text;
  }
  for (const std::string text : {"1.0", "-0.5", "1.0e-05", ".inf", "-.inf", ".nan"}) {
    EXPECT_EQ(section_text_kind(text), Kind::kFloat) << text;
  }
  for (const std::string text : {"true", "false"}) {
    EXPECT_EQ(section_text_kind(text), Kind::kBoolean) << text;
  }
  for (const std::string text : {"", "True", "yes", "NO", "null", "01", "+1", "0x10", "1e5", "1.",
                                 ".5", "01.5", "1.5e5", "1:30", "1 "}) {
    EXPECT_EQ(section_text_kind(text), Kind::kString) << text;
  }
}

}  // namespace
}  // namespace accelerate::launcher
