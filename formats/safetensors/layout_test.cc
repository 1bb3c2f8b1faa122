#include "formats/safetensors/layout.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <utility>
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
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr char kTestdata[] = "formats/safetensors/testdata/layout/";
constexpr int kNumDtypes = static_cast<int>(Dtype::kU64) + 1;

using Metadata = std::map<std::string, std::string>;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

FileLayout layout_of(const std::vector<TensorSpec>& tensors, const Metadata& metadata = {}) {
  absl::StatusOr<FileLayout> layout = lay_out(tensors, metadata);
  EXPECT_TRUE(layout.ok()) << layout.status();
  return layout.ok() ? *std::move(layout) : FileLayout();
}

std::string json_of(const FileLayout& layout) { return layout.beginning.substr(8); }

std::string problem(const std::vector<TensorSpec>& tensors, const Metadata& metadata = {}) {
  const absl::StatusOr<FileLayout> layout = lay_out(tensors, metadata);
  EXPECT_TRUE(absl::IsInvalidArgument(layout.status())) << layout.status();
  return std::string(layout.status().message());
}

std::vector<std::string> names_of(const FileLayout& layout) {
  std::vector<std::string> names;
  for (const TensorEntry& tensor : layout.header.tensors) names.push_back(tensor.name);
  return names;
}

// What layout.h promises, whatever the tensors are.
void expect_promises(const FileLayout& layout, std::vector<TensorSpec> tensors,
                     const Metadata& metadata) {
  // As long as it is to be, with a hole for the data.
  const std::string path = write_file("layout.safetensors", layout.beginning);
  std::filesystem::resize_file(path, layout.size);
  const absl::StatusOr<Header> header = read_header(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(layout.header, *header);
  EXPECT_EQ(layout.header.metadata, metadata);
  EXPECT_EQ(layout.header.data_offset, layout.beginning.size());
  EXPECT_EQ(layout.header.data_offset % 8, 0);

  std::vector<TensorEntry> entries = layout.header.tensors;
  for (const TensorEntry& entry : entries) {
    const auto width = static_cast<std::uint64_t>(dtype_bits(entry.dtype)) / 8;
    if (width > 1) {
      EXPECT_EQ(entry.data_begin % width, 0) << entry.name;
    }
  }
  const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
  std::sort(entries.begin(), entries.end(), by_name);
  std::sort(tensors.begin(), tensors.end(), by_name);
  ASSERT_EQ(entries.size(), tensors.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].name, tensors[i].name);
    EXPECT_EQ(entries[i].dtype, tensors[i].dtype);
    EXPECT_EQ(entries[i].shape, tensors[i].shape);
  }
}

void expect_promises(const std::vector<TensorSpec>& tensors, const Metadata& metadata = {}) {
  expect_promises(layout_of(tensors, metadata), tensors, metadata);
}

TEST(Layout, IsByteForByteThatOfThePythonPackage) {
  const auto files = nlohmann::json::parse(read_file(std::string(kTestdata) + "specs.json"));
  ASSERT_GT(files.size(), 5);
  for (const nlohmann::json& file : files) {
    const std::string name = file.at("file");
    std::vector<TensorSpec> tensors;
    for (const nlohmann::json& row : file.at("tensors")) {
      const auto dtype = parse_dtype(row.at(1));
      ASSERT_TRUE(dtype.has_value()) << row;
      tensors.push_back({row.at(0), *dtype, row.at(2)});
    }
    const FileLayout layout = layout_of(tensors, file.at("metadata"));
    const std::string recorded = read_file(kTestdata + name);
    EXPECT_EQ(layout.beginning, recorded.substr(0, layout.beginning.size())) << name;
    EXPECT_EQ(layout.size, recorded.size()) << name;
    EXPECT_EQ(layout.header, *read_header(kTestdata + name)) << name;
  }
}

TEST(Layout, PutsTheWidestTypesFirstAndThenGoesByName) {
  const FileLayout layout = layout_of({{"a", Dtype::kBool, {3}},
                                       {"d", Dtype::kF32, {2}},
                                       {"c", Dtype::kBf16, {1}},
                                       {"b", Dtype::kF32, {1}},
                                       {"e", Dtype::kI64, {}}});
  EXPECT_EQ(json_of(layout), R"({"e":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]},)"
                             R"("d":{"dtype":"F32","shape":[2],"data_offsets":[12,20]},)"
                             R"("c":{"dtype":"BF16","shape":[1],"data_offsets":[20,22]},)"
                             R"("a":{"dtype":"BOOL","shape":[3],"data_offsets":[22,25]}}      )");
  EXPECT_EQ(layout.beginning.substr(0, 8), std::string("\x18\x01\0\0\0\0\0\0", 8));
  EXPECT_EQ(layout.size, 8 + 0x118 + 25);
  EXPECT_THAT(names_of(layout), ElementsAre("e", "b", "d", "c", "a"));
}

TEST(Layout, SortsMetadata) {
  EXPECT_EQ(json_of(layout_of({}, {{"format", "pt"}, {"a\"", "b\n"}, {"", ""}})),
            R"({"__metadata__":{"":"","a\"":"b\n","format":"pt"}}      )");
}

TEST(Layout, CanBeOfNothing) {
  const FileLayout layout = layout_of({});
  EXPECT_EQ(json_of(layout), "{}      ");
  EXPECT_EQ(layout.size, 16);
  EXPECT_THAT(layout.header.tensors, IsEmpty());
  expect_promises({}, {{"only", "metadata"}});
}

TEST(Layout, HasTensorsOfEveryType) {
  std::vector<TensorSpec> tensors;
  for (int i = 0; i < kNumDtypes; ++i) {
    const auto dtype = static_cast<Dtype>(i);
    tensors.push_back({"a." + dtype_name(dtype), dtype, {3, 4}});
    tensors.push_back({"b." + dtype_name(dtype), dtype, {0}});
    tensors.push_back({"c." + dtype_name(dtype), dtype, {1, 4, 1}});
  }
  expect_promises(tensors);
}

TEST(Layout, HasScalarsAndEmptyTensors) {
  expect_promises({{"scalar", Dtype::kF32, {}},
                   {"half", Dtype::kF16, {}},
                   {"bool", Dtype::kBool, {}},
                   {"z", Dtype::kF64, {0}},
                   {"y", Dtype::kF32, {7, 0, 3}},
                   {"x", Dtype::kI8, {0, 0}},
                   {"most", Dtype::kU8, std::vector<std::uint64_t>(64, 1)}});
}

TEST(Layout, HasNamesOfAnyText) {
  std::vector<TensorSpec> tensors;
  Metadata metadata;
  for (const std::string name :
       {"", "\"", "\\", "a\"b\\c/", "\n\r\t\b\f\x01\x1f\x7f", "é", "e\xcc\x81", "層",
        "\xf4\x8f\xbf\xbf", "{}", "dtype", "__metadata", "__metadata__ ", "\u2028"}) {
    tensors.push_back({name, Dtype::kI8, {1}});
    tensors.push_back({name + '\0', Dtype::kI8, {1}});
    metadata[name] = name + '\0';
  }
  expect_promises(tensors, metadata);
}

TEST(Layout, HasThousandsOfTensors) {
  std::vector<TensorSpec> tensors;
  for (int i = 0; i < 5000; ++i) {
    tensors.push_back({"layers." + std::to_string(i) + ".weight",
                       static_cast<Dtype>(i % kNumDtypes),
                       {static_cast<std::uint64_t>(i % 7), 8}});
  }
  expect_promises(tensors, {{"format", "pt"}});
}

TEST(Layout, HasTerabytes) {
  const FileLayout layout = layout_of({{"a", Dtype::kF32, {1ull << 40}}, {"b", Dtype::kU8, {5}}});
  EXPECT_EQ(layout.size, layout.beginning.size() + (1ull << 42) + 5);
  expect_promises({{"a", Dtype::kF32, {1ull << 38}}, {"b", Dtype::kU8, {5}}});
}

TEST(Layout, RefusesNamesThatCannotBe) {
  EXPECT_EQ(problem({{"a", Dtype::kF32, {1}}, {"b", Dtype::kF32, {1}}, {"a", Dtype::kI8, {2}}}),
            "the tensor \"a\" appears in it twice; give each tensor a name of its own");
  EXPECT_EQ(problem({{"__metadata__", Dtype::kF32, {1}}}),
            "the tensor \"__metadata__\" has the name under which the format keeps its metadata; "
            "give it another");
  for (const char* name : {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80"}) {
    EXPECT_THAT(problem({{name, Dtype::kF32, {1}}}),
                EndsWith("has a name that is not valid UTF-8; give it another"));
  }
  EXPECT_EQ(problem({{"a\xff", Dtype::kF32, {1}}}),
            "the tensor \"a\\377\" has a name that is not valid UTF-8; give it another");
}

TEST(Layout, RefusesMetadataThatAreNoText) {
  EXPECT_EQ(problem({}, {{"a", "b\xff"}}),
            "the metadata \"a\": \"b\\377\" are not valid UTF-8; write them as text in UTF-8");
  EXPECT_EQ(problem({}, {{"a\xff", "b"}}),
            "the metadata \"a\\377\": \"b\" are not valid UTF-8; write them as text in UTF-8");
}

TEST(Layout, RefusesShapesThatCannotBe) {
  EXPECT_EQ(problem({{"a", Dtype::kF4, {3}}}),
            "the tensor \"a\" of the packed type F4 does not end with a whole byte; correct its "
            "shape");
  EXPECT_EQ(problem({{"a", Dtype::kU8, std::vector<std::uint64_t>(65, 1)}}),
            "the tensor \"a\" has more than 64 dimensions; correct its shape");
  EXPECT_EQ(problem({{"a", Dtype::kU8, {1ull << 32, 1ull << 32}}}),
            "the tensor \"a\" has a shape with more elements than can be counted; correct its "
            "shape");
  EXPECT_EQ(problem({{"a", Dtype::kF64, {1ull << 58}}}),
            "the tensor \"a\" has a shape with more bytes than can be counted; correct its shape");
}

TEST(Layout, RefusesFilesThatCannotBe) {
  // Of 2^60 bytes each: seven are less than the largest offset in a file, and seventeen would be
  // 2^60 bytes again for who counts in 64 bits.
  std::vector<TensorSpec> tensors;
  for (char name = 'a'; name <= 'q'; ++name) {
    tensors.push_back({std::string(1, name), Dtype::kBf16, {1ull << 59}});
    if (tensors.size() <= 7) {
      EXPECT_TRUE(lay_out(tensors, {}).ok());
    } else {
      EXPECT_EQ(problem(tensors),
                "the tensor \"h\" makes the file longer than a file can be; save the tensors in "
                "several files");
    }
  }
}

TEST(Layout, RefusesAHeaderThatIsTooLong) {
  // More than 1,250 bytes in the header for each.
  std::vector<std::uint64_t> shape(64, std::numeric_limits<std::uint64_t>::max());
  shape.front() = 0;
  std::vector<TensorSpec> tensors;
  for (int i = 0; i < 80'000; ++i) tensors.push_back({std::to_string(i), Dtype::kF32, shape});
  EXPECT_THAT(problem(tensors),
              AllOf(StartsWith("the header would be 1"),
                    EndsWith(" bytes long, and 100000000 are allowed; save the tensors in several "
                             "files, or shorten their names or the metadata")));
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}

  std::size_t upto(std::size_t most) { return engine_() % (most + 1); }

  std::string text() {
    static const std::vector<std::string> kPieces = {
        "a",    "b", ".",  "0", "\"", "\\", "\n", "\x1f", std::string(1, '\0'),
        "\x7f", "é", "層", "😀", "/",  "{",  "}"};
    std::string text;
    for (std::size_t count = upto(6); count > 0; --count) text += kPieces[upto(15)];
    return text;
  }

  TensorSpec tensor() {
    TensorSpec tensor{text(), static_cast<Dtype>(upto(kNumDtypes - 1))};
    for (std::size_t count = upto(4); count > 0; --count) tensor.shape.push_back(upto(5));
    if (dtype_bits(tensor.dtype) < 8) tensor.shape.push_back(4);
    return tensor;
  }

  template <class T>
  void shuffle(std::vector<T>& values) {
    std::shuffle(values.begin(), values.end(), engine_);
  }

 private:
  std::mt19937_64 engine_;
};

TEST(LayoutFuzz, IsReadAsItWasMeantInWhateverOrder) {
  for (std::uint64_t number = 0; number < 2000; ++number) {
    SCOPED_TRACE("case " + std::to_string(number));
    Chance chance(number);
    std::map<std::string, TensorSpec> by_name;
    for (std::size_t count = chance.upto(30); count > 0; --count) {
      const TensorSpec tensor = chance.tensor();
      by_name[tensor.name] = tensor;
    }
    Metadata metadata;
    for (std::size_t count = chance.upto(3); count > 0; --count) {
      metadata[chance.text()] = chance.text();
    }
    std::vector<TensorSpec> tensors;
    for (const auto& [name, tensor] : by_name) tensors.push_back(tensor);
    const FileLayout layout = layout_of(tensors, metadata);
    chance.shuffle(tensors);
    EXPECT_EQ(layout_of(tensors, metadata).beginning, layout.beginning);
    expect_promises(layout, tensors, metadata);
    if (testing::Test::HasFailure()) FAIL() << json_of(layout);
  }
}

}  // namespace
}  // namespace accelerate::safetensors
