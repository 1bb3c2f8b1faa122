// Headers and indices of strangers: mutations of good ones, by chance but by a seed, are read or
// refused, and what is read keeps its promises.
//
//   bazel test //formats/safetensors:header_fuzz_test                               the usual
//   cases SAFETENSORS_FUZZ_CASES=5000000 bazel-bin/formats/safetensors/header_fuzz_test
//
// A failure names its case: SAFETENSORS_FUZZ_FIRST=123 SAFETENSORS_FUZZ_CASES=1 runs it alone.
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "formats/safetensors/header.h"
#include "formats/safetensors/shard_index.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::safetensors {
namespace {

constexpr std::uint64_t kDataSize = 53;

const std::string kHeader =
    R"({"__metadata__":{"format":"pt","a":"b"},)"
    R"("layers.0.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("layers.0.bias":{"dtype":"BF16","shape":[2],"data_offsets":[24,28]},)"
    R"("empty":{"dtype":"F64","shape":[0],"data_offsets":[28,28]},)"
    R"("packed":{"dtype":"F4","shape":[4,2],"data_offsets":[28,32]},)"
    R"("mask":{"dtype":"BOOL","shape":[5,1,1],"data_offsets":[32,37]},)"
    R"("steps":{"dtype":"I64","shape":[2],"data_offsets":[37,53]}})";

const std::string kIndex =
    R"({"metadata":{"total_size":12,"more":[1,{"a":null}]},)"
    R"("weight_map":{"a":"model-1.safetensors","b":"folder/model-2.safetensors"}})";

// Pieces that mean something to the format, so that not every mutation ends in the JSON parser.
const std::vector<std::string> kPieces = {
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "0",
    "1",
    "-1",
    "24",
    "28",
    "53",
    "54",
    "1e999",
    "null",
    "true",
    "\"F32\"",
    "\"U8\"",
    "../",
    "/..",
    "/",
    "\"dtype\"",
    "\"shape\"",
    "\"data_offsets\"",
    "\"__metadata__\"",
    "\"weight_map\"",

    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "\\u0000",
    "\\ud800",
    "\xff",
    "[[[[[[[[",
    "\"x\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[53,54]},"};

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

class Mutation {
 public:
  explicit Mutation(std::uint64_t seed) : engine_(seed) {}

  std::string operator()(std::string text) {
    for (std::size_t count = 1 + upto(3); count > 0; --count) mutate(text);
    return text;
  }

  std::size_t upto(std::size_t most) { return engine_() % (most + 1); }

 private:
  void mutate(std::string& text) {
    const std::size_t at = upto(text.size());
    switch (upto(6)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(upto(255));
        break;
      case 1:
        text.erase(at, 1 + upto(20));
        break;
      case 2:
        text.insert(at, text.substr(upto(text.size()), upto(80)));
        break;
      case 3:
        text.resize(at);
        break;
      case 4:
        mutate_number(text);
        break;
      default:
        text.insert(at, kPieces[upto(kPieces.size() - 1)]);
    }
  }

  // Numbers are where sizes and offsets come to contradict each other.
  void mutate_number(std::string& text) {
    const std::size_t begin = text.find_first_of("0123456789", upto(text.size()));
    if (begin == std::string::npos) return;
    const std::size_t end = text.find_first_not_of("0123456789", begin);
    text.replace(begin, end == std::string::npos ? end : end - begin, std::to_string(upto(60)));
  }

  std::mt19937_64 engine_;
};

// What header.h promises of a header that was read.
void check_promises(const Header& header, std::uint64_t data_size) {
  std::uint64_t end = 0;
  for (const TensorEntry& tensor : header.tensors) {
    EXPECT_EQ(tensor.data_begin, end);
    EXPECT_GE(tensor.data_end, tensor.data_begin);
    std::uint64_t elements = 1;
    for (const std::uint64_t extent : tensor.shape) elements *= extent;
    EXPECT_EQ(tensor.num_elements, elements);
    EXPECT_EQ((tensor.data_end - tensor.data_begin) * 8,
              elements * static_cast<std::uint64_t>(dtype_bits(tensor.dtype)));
    end = tensor.data_end;
  }
  EXPECT_EQ(end, data_size);
}

TEST(HeaderFuzz, ReadsOrRefusesWhateverComes) {
  const std::uint64_t first = from_environment("SAFETENSORS_FUZZ_FIRST", 0);
  const std::uint64_t cases = from_environment("SAFETENSORS_FUZZ_CASES", 100'000);
  ASSERT_TRUE(parse_header(kHeader, kDataSize).ok());
  std::uint64_t read = 0;
  for (std::uint64_t number = first; number < first + cases; ++number) {
    SCOPED_TRACE("case " + std::to_string(number));
    Mutation mutation(number);
    const std::string json = mutation(kHeader);
    const std::uint64_t data_size = mutation.upto(9) == 0 ? mutation.upto(60) : kDataSize;
    const absl::StatusOr<Header> header = parse_header(json, data_size);
    if (header.ok()) {
      ++read;
      check_promises(*header, data_size);
    } else {
      EXPECT_FALSE(header.status().message().empty());
      EXPECT_LT(header.status().message().size(), 1000);
    }
    if (testing::Test::HasFailure()) FAIL() << json;
  }
  if (cases >= 1000) {
    EXPECT_GT(read, cases / 100) << "hardly a mutation is read: the rest is not seen";
  }
}

TEST(IndexFuzz, ReadsOrRefusesWhateverComes) {
  const std::uint64_t first = from_environment("SAFETENSORS_FUZZ_FIRST", 0);
  const std::uint64_t cases = from_environment("SAFETENSORS_FUZZ_CASES", 100'000);
  ASSERT_TRUE(parse_shard_index(kIndex).ok());
  for (std::uint64_t number = first; number < first + cases; ++number) {
    SCOPED_TRACE("case " + std::to_string(number));
    const std::string json = Mutation(number)(kIndex);
    const absl::StatusOr<ShardIndex> index = parse_shard_index(json);
    if (index.ok()) {
      for (const auto& [file, tensors] : index->files) {
        EXPECT_FALSE(file.empty() || file.front() == '/' || file == ".." ||
                     file.starts_with("../") || file.find("/../") != std::string::npos ||
                     file.ends_with("/.."));
        EXPECT_FALSE(tensors.empty());
      }
    } else {
      EXPECT_FALSE(index.status().message().empty());
    }
    if (testing::Test::HasFailure()) FAIL() << json;
  }
}

}  // namespace
}  // namespace accelerate::safetensors
