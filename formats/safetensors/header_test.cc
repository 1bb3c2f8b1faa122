#include "formats/safetensors/header.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

#include "formats/safetensors/testing/safetensors_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace accelerate::safetensors {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

constexpr char kTestdata[] = "formats/safetensors/testdata/";
constexpr char kRemedy[] =
    "; download the file again, or save it again with the safetensors package.";

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}

std::string problem(const std::string& json, std::uint64_t data_size) {
  const auto header = parse_header(json, data_size);
  EXPECT_FALSE(header.ok()) << json;
  return std::string(header.status().message());
}

std::string file_problem(const std::string& bytes) {
  const std::string path = write_file("problem.safetensors", bytes);
  const auto header = read_header(path);
  EXPECT_FALSE(header.ok());
  const std::string message(header.status().message());
  EXPECT_THAT(message, StartsWith(path + " "));
  EXPECT_THAT(message, EndsWith("."));
  return message;
}

TEST(Header, IsReadAsThePythonPackageWroteIt) {
  std::ifstream file(std::string(kTestdata) + "estimates.json");
  const nlohmann::json models = nlohmann::json::parse(file).at("models");
  ASSERT_GT(models.size(), 5);
  for (const nlohmann::json& model : models) {
    const std::string path = model.at("path");
    if (!path.ends_with(".safetensors")) continue;
    const absl::StatusOr<Header> header = read_header(kTestdata + path);
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_THAT(header->metadata, ElementsAre(Pair("format", "pt")));
    std::vector<TensorEntry> tensors = header->tensors;
    EXPECT_TRUE(std::is_sorted(tensors.begin(), tensors.end(), [](auto& left, auto& right) {
      return left.data_end < right.data_end;
    })) << "in the order of their data";
    std::sort(tensors.begin(), tensors.end(),
              [](auto& left, auto& right) { return left.name < right.name; });
    nlohmann::json read = nlohmann::json::array();
    for (const TensorEntry& tensor : tensors) {
      read.push_back({tensor.name, dtype_name(tensor.dtype), tensor.shape, tensor.data_begin,
                      tensor.data_end});
    }
    EXPECT_EQ(read, model.at("tensors")) << path;
    EXPECT_EQ(header->data_offset + header->tensors.back().data_end,
              std::filesystem::file_size(kTestdata + path));
  }
}

TEST(Header, CanBeEmpty) {
  const auto header = parse_header("{}", 0);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_THAT(header->tensors, IsEmpty());
  EXPECT_TRUE(parse_header("{ \"__metadata__\": null }   ", 0).ok()) << "as the package pads it";
}

TEST(Header, HasScalarsEmptyAndPackedTensors) {
  const auto header = parse_header("{" + entry("packed", "F4", "[3,2]", "[4,7]") + "," +
                                       entry("scalar", "F32", "[]", "[0,4]") + "," +
                                       entry("empty", "F64", "[0,5]", "[4,4]") + "}",
                                   7);
  ASSERT_TRUE(header.ok()) << header.status();
  ASSERT_EQ(header->tensors.size(), 3);
  EXPECT_EQ(header->tensors[0].name, "scalar");
  EXPECT_EQ(header->tensors[0].num_elements, 1);
  EXPECT_EQ(header->tensors[1].name, "empty");
  EXPECT_EQ(header->tensors[1].num_elements, 0);
  EXPECT_EQ(header->tensors[2].num_elements, 6);
}

TEST(Header, KnowsEveryTypeOfThePackage) {
  for (const auto& [name, bits] : {std::pair{"BOOL", 8}, {"F4", 4},          {"F6_E2M3", 6},
                                   {"F6_E3M2", 6},       {"U8", 8},          {"I8", 8},
                                   {"F8_E5M2", 8},       {"F8_E4M3", 8},     {"F8_E8M0", 8},
                                   {"F8_E4M3FNUZ", 8},   {"F8_E5M2FNUZ", 8}, {"I16", 16},
                                   {"U16", 16},          {"F16", 16},        {"BF16", 16},
                                   {"I32", 32},          {"U32", 32},        {"F32", 32},
                                   {"C64", 64},          {"F64", 64},        {"I64", 64},
                                   {"U64", 64}}) {
    // Eight elements, so that each type fills whole bytes.
    const std::string size = std::to_string(bits);
    EXPECT_TRUE(parse_header("{" + entry("a", name, "[8]", "[0," + size + "]") + "}", bits).ok())
        << name;
    EXPECT_EQ(dtype_name(*parse_dtype(name)), name);
  }
}

TEST(Header, MayHaveMembersOfLaterVersions) {
  const auto header = parse_header(
      R"({"a":{"x":[[{"dtype":"Z"}],{}],"dtype":"U8","y":1.5,"shape":[],"z":{"shape":0},)"
      R"("data_offsets":[0,1]}})",
      1);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->tensors[0].dtype, Dtype::kU8);
}

TEST(Header, RefusesWhatIsNoSuchJson) {
  EXPECT_EQ(problem("", 0), "in the header, it is not valid JSON at byte 1");
  EXPECT_EQ(problem("{\"a\":", 0), "in the header, it is not valid JSON at byte 6");
  EXPECT_THAT(problem("{}x", 0), HasSubstr("not valid JSON at byte 3"));
  EXPECT_THAT(problem("{\"\xff\":{}}", 0), HasSubstr("not valid JSON"));
  EXPECT_EQ(problem("[]", 0), "in the header, there is an array instead of an object");
  EXPECT_EQ(problem("7", 0), "in the header, there is a number instead of an object");
  EXPECT_EQ(problem(R"({"a":[1]})", 0), R"(in the header, "a" is an array and not an object)");
  EXPECT_EQ(problem(R"({"a":null})", 0), R"(in the header, "a" is null and not an object)");
  EXPECT_THAT(problem(std::string(1'000'000, '['), 0), HasSubstr("an array instead"));
}

TEST(Header, RefusesAnEntryThatIsNotComplete) {
  EXPECT_THAT(problem(R"({"a":{"shape":[],"data_offsets":[0,4]}})", 4),
              HasSubstr("the tensor \"a\" has no dtype"));
  EXPECT_THAT(problem(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4),
              HasSubstr("the tensor \"a\" has no shape"));
  for (const char* json : {R"({"a":{"dtype":"F32","shape":[]}})",
                           R"({"a":{"dtype":"F32","shape":[],)"
                           R"("data_offsets":[]}})",
                           R"({"a":{"dtype":"F32","shape":[],"data_offsets":[4]}})"}) {
    EXPECT_THAT(problem(json, 4), HasSubstr("the tensor \"a\" lacks its two data_offsets"));
  }
  EXPECT_THAT(problem("{" + entry("a", "F32", "[]", "[0,4,8]") + "}", 4),
              HasSubstr("has more than two data_offsets"));
}

TEST(Header, RefusesMembersOfTheWrongKind) {
  EXPECT_THAT(problem(R"({"a":{"dtype":["F32"]}})", 0),
              HasSubstr("has an array for its dtype and not a string"));
  EXPECT_THAT(problem(R"({"a":{"shape":3}})", 0),
              HasSubstr("has a number for its shape and not an array"));
  EXPECT_THAT(problem(R"({"a":{"data_offsets":{}}})", 0),
              HasSubstr("has an object for its data_offsets and not an array"));
  for (const auto& [extent, word] : {std::pair{"-1", "a negative number"},
                                     {"1.5", "the number 1.5"},
                                     {"\"2\"", "a string"},
                                     {"1e3", "the number 1e3"},
                                     {"18446744073709551616", "the number 18446744073709551616"},
                                     {"[1]", "an array"},
                                     {"true", "a boolean"},
                                     {"null", "null"},
                                     {"{}", "an object"}}) {
    EXPECT_THAT(
        problem("{" + entry("a", "F32", std::string("[2,") + extent + "]", "[0,4]") + "}", 4),
        HasSubstr(std::string("the tensor \"a\" has ") + word +
                  " in its shape and not a whole number from 0 to 2^64 - 1"));
  }
  EXPECT_THAT(problem(R"({"__metadata__":{"n":1}})", 0),
              HasSubstr("__metadata__ has a number for the key \"n\" and not a string"));
}

TEST(Header, RefusesAnUnknownDtypeWithTheKnownOnes) {
  EXPECT_THAT(problem("{" + entry("a.b", "F12", "[1]", "[0,4]") + "}", 4),
              AllOf(HasSubstr("the tensor \"a.b\" has the unknown dtype \"F12\" (known are BOOL,"),
                    HasSubstr(", BF16, "), HasSubstr(", U64)")));
}

TEST(Header, RefusesWhatStandsTwice) {
  const std::string one = entry("a", "U8", "[1]", "[0,1]");
  EXPECT_EQ(problem("{" + one + "," + entry("a", "U8", "[1]", "[1,2]") + "}", 2),
            "the tensor \"a\" appears in it twice");
  EXPECT_THAT(problem(R"({"a":{"dtype":"U8","dtype":"U8"}})", 0), HasSubstr("has its dtype twice"));
  EXPECT_THAT(problem(R"({"__metadata__":{"k":"1","k":"2"}})", 0),
              HasSubstr("__metadata__ has the key \"k\" twice"));
  EXPECT_THAT(problem(R"({"__metadata__":{},"__metadata__":{}})", 0),
              HasSubstr("__metadata__ appears twice"));
}

TEST(Header, RefusesSizesThatContradictEachOther) {
  EXPECT_EQ(problem("{" + entry("a", "F32", "[2,3]", "[0,20]") + "}", 20),
            "the tensor \"a\" has 20 bytes by its offsets but 24 by its type and shape");
  EXPECT_EQ(problem("{" + entry("a", "F32", "[1]", "[8,4]") + "}", 8),
            "the tensor \"a\" ends at the offset 4, before it begins at 8");
  EXPECT_THAT(problem("{" + entry("a", "F4", "[3]", "[0,2]") + "}", 2),
              HasSubstr("of the packed type F4 does not end with a whole byte"));
  EXPECT_THAT(problem("{" + entry("a", "U8", "[4294967296,4294967296]", "[0,0]") + "}", 0),
              HasSubstr("more elements than can be counted"));
  EXPECT_THAT(problem("{" + entry("a", "F64", "[4611686018427387904]", "[0,0]") + "}", 0),
              HasSubstr("more bytes than can be counted"));
  std::string shape = "[1";
  for (int i = 0; i < 64; ++i) shape += ",1";
  EXPECT_THAT(problem("{" + entry("a", "U8", shape + "]", "[0,1]") + "}", 1),
              HasSubstr("has more than 64 dimensions"));
}

TEST(Header, RefusesOverlapsGapsAndDataOutsideOfTheFile) {
  const std::string one = entry("a", "U8", "[4]", "[0,4]");
  EXPECT_EQ(problem("{" + one + "," + entry("b", "U8", "[4]", "[2,6]") + "}", 6),
            "the tensor \"b\" overlaps the data of another");
  EXPECT_EQ(problem("{" + one + "," + entry("b", "U8", "[4]", "[0,4]") + "}", 4),
            "the tensor \"b\" overlaps the data of another");
  EXPECT_EQ(problem("{" + one + "," + entry("b", "U8", "[4]", "[6,10]") + "}", 10),
            "the tensor \"b\" leaves a gap of 2 bytes before its data");
  EXPECT_EQ(problem("{" + one + "}", 3),
            "the tensor \"a\" has data up to the offset 4, but the file has 3 bytes of data: it is "
            "cut off");
  EXPECT_EQ(problem("{" + one + "}", 9), "the last 5 bytes of the file belong to no tensor");
  EXPECT_THAT(
      problem("{" + entry("a", "U8", "[1]", "[18446744073709551614,18446744073709551615]") + "}",
              4),
      HasSubstr("leaves a gap of 18446744073709551614 bytes"));
}

TEST(Header, QuotesNamesFitForATerminal) {
  EXPECT_THAT(problem(R"({"\u001b[2J\n\u0000":{}})", 0), HasSubstr(R"("\033[2J\n\000")"));
  EXPECT_THAT(problem(R"({"\u009b2J\u202e":{}})", 0), HasSubstr(R"("\u009b2J\u202e")"));
  const std::string message = problem("{\"" + std::string(99, 'x') + "ééé" + "\":{}}", 0);
  EXPECT_THAT(message, HasSubstr("\"" + std::string(99, 'x') + "...\""));
}

TEST(HeaderFile, IsRefusedWhereItIsTooShort) {
  EXPECT_THAT(file_problem(""), AllOf(HasSubstr("cannot be read as safetensors: it has 0 bytes"),
                                      HasSubstr(kRemedy)));
  EXPECT_THAT(file_problem("1234567"), HasSubstr("it has 7 bytes, too few for a header"));
  EXPECT_THAT(file_problem(safetensors_file("{}", 0, 3)),
              HasSubstr("its header is said to be 3 bytes long, but the file ends after 2 of them: "
                        "it is cut off"));
}

TEST(HeaderFile, IsRefusedWhereItsHeaderIsTooLong) {
  EXPECT_THAT(file_problem(safetensors_file("{}", 0, 100'000'001)),
              HasSubstr("its header would be 100000001 bytes long, and 100000000 are allowed"));
  EXPECT_THAT(file_problem(safetensors_file("{}", 0, ~0ull)),
              HasSubstr("would be 18446744073709551615 bytes long"));
  // A pickle in a zip archive, as torch.save() writes it.
  EXPECT_THAT(file_problem("PK\x03\x04 and so on, not safetensors"),
              HasSubstr("it is damaged, or of another format"));
}

TEST(HeaderFile, IsRefusedWithItsNameAndTheTensors) {
  EXPECT_THAT(file_problem(safetensors_file("{" + entry("a", "U8", "[4]", "[0,4]") + "}", 3)),
              AllOf(HasSubstr("cannot be read as safetensors: the tensor \"a\" has data up to"),
                    HasSubstr(kRemedy)));
}

TEST(HeaderFile, IsReadToTheEndOfItsHeaderAlone) {
  const std::string json = "{" + entry("a", "U8", "[1099511627776]", "[0,1099511627776]") + "}";
  const std::string path = write_file("sparse.safetensors", safetensors_file(json, 0));
  ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(8 + json.size() + (1ull << 40))), 0);
  const auto header = read_header(path);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->tensors[0].data_end, 1ull << 40);
  EXPECT_EQ(header->data_offset, 8 + json.size());
  std::filesystem::remove(path);
}

TEST(HeaderFile, MustBeThereAndBeAFile) {
  const auto missing = read_header("no/such.safetensors");
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_EQ(missing.status().message(),
            "no/such.safetensors: there is no such file; correct the path, or put the file there.");
  EXPECT_THAT(std::string(read_header(kTestdata).status().message()),
              HasSubstr("is not a regular file; give the path of a file on a disk."));
  EXPECT_FALSE(read_header("/dev/zero").ok());
  EXPECT_FALSE(read_header("").ok());
}

}  // namespace
}  // namespace accelerate::safetensors
