#include "accelerate/data/safetensors_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "accelerate/data/data_loader.h"
#include "formats/safetensors/testing/safetensors_text.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kRows = "accelerate/data/testdata/rows.safetensors";

// Of a file with this header, and zeros for data.
std::string problem_of(const std::string& json, size_t data_size,
                       const SafetensorsColumns& columns = {.data = "x", .target = "y"}) {
  const std::string path =
      safetensors::write_file("some.safetensors", safetensors::safetensors_file(json, data_size));
  const std::string message = message_of([&] { SafetensorsFile file(path, columns); });
  return message.starts_with(path) ? message.substr(path.size()) : message;
}

TEST(SafetensorsFile, ReadsEveryTypeThatNumPyWrites) {
  for (const auto& [name, type] :
       std::vector<std::pair<std::string, at::ScalarType>>{{"uint8", at::kByte},
                                                           {"int8", at::kChar},
                                                           {"int16", at::kShort},
                                                           {"uint16", at::kUInt16},
                                                           {"float16", at::kHalf},
                                                           {"int32", at::kInt},
                                                           {"uint32", at::kUInt32},
                                                           {"float32", at::kFloat},
                                                           {"float64", at::kDouble},
                                                           {"int64", at::kLong},
                                                           {"uint64", at::kUInt64},
                                                           {"complex64", at::kComplexFloat}}) {
    SafetensorsFile file(kRows, {.data = name, .target = "labels"});
    EXPECT_EQ(file.size(), 5);
    const auto batch = file.get_batch(std::vector<size_t>{4, 0, 4});
    EXPECT_EQ(batch.data.scalar_type(), type) << name;
    const at::Tensor expected = at::tensor({8, 9, 0, 1, 8, 9}).view({3, 2});
    EXPECT_TRUE(batch.data.to(at::kComplexDouble).equal(expected.to(at::kComplexDouble))) << name;
    EXPECT_TRUE(batch.target.equal(at::tensor({40, 0, 40}, at::kLong)));
  }
  SafetensorsFile file(kRows, {.data = "bool", .target = "labels"});
  EXPECT_TRUE(file.get_batch(std::vector<size_t>{1, 2})
                  .data.equal(at::tensor({0, 0, 1, 1}).view({2, 2}).to(at::kBool)));
}

TEST(SafetensorsFile, ReadsTheNarrowFloats) {
  for (const auto& [name, type, bytes] :
       std::vector<std::tuple<std::string, at::ScalarType, std::string>>{
           {"BF16", at::kBFloat16, std::string("\x80\x3f\x00\x40", 4)},
           {"F8_E4M3", at::kFloat8_e4m3fn, "\x38\x40"},
           {"F8_E5M2", at::kFloat8_e5m2, "\x3c\x40"},
           {"F8_E4M3FNUZ", at::kFloat8_e4m3fnuz, "\x40\x48"},
           {"F8_E5M2FNUZ", at::kFloat8_e5m2fnuz, "\x40\x44"},
           {"F8_E8M0", at::kFloat8_e8m0fnu, "\x7f\x80"}}) {
    const std::string size = std::to_string(bytes.size());
    const std::string path = safetensors::write_file(
        "narrow.safetensors",
        safetensors::safetensors_file(
            R"({"x":{"dtype":")" + name + R"(","shape":[2],"data_offsets":[0,)" + size + "]}}", 0) +
            bytes);
    SafetensorsFile file(path, {.data = "x", .target = "x"});
    const auto batch = file.get_batch(std::vector<size_t>{0, 1});
    EXPECT_EQ(batch.data.scalar_type(), type);
    EXPECT_TRUE(batch.data.to(at::kFloat).equal(at::tensor({1.F, 2.F}))) << name << batch.data;
  }
  EXPECT_THAT(problem_of(R"({"x":{"dtype":"F4","shape":[2,2],"data_offsets":[0,2]},)"
                         R"("y":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})",
                         4),
              HasSubstr(": the tensor \"x\" is of type F4, which LibTorch does not have"));
}

TEST(SafetensorsFile, IsReadByALoader) {
  SafetensorsFile file(kRows, {.data = "float32", .target = "labels"});
  DataLoader loader(file, {.batch_size = 2, .shuffle = true, .seed = 1, .num_workers = 2});
  double data = 0;
  int64_t targets = 0;
  for (auto& batch : loader) {
    // What is done to a batch does not reach the file.
    data += batch.data.sum().item<double>();
    batch.data.zero_();
    targets += batch.target.sum().item<int64_t>();
  }
  EXPECT_EQ(data, 45);
  EXPECT_EQ(targets, 100);
  EXPECT_EQ(file.get_batch(std::vector<size_t>{4}).data.sum().item<float>(), 17);
}

TEST(SafetensorsFile, ReadsDataAtAnyPlace) {
  // A header of odd length, so that no value is where its type would have it.
  const std::string json = R"({"x":{"dtype":"F64","shape":[2,1],"data_offsets":[0,16]}})";
  for (int spaces = 0; spaces < 8; ++spaces) {
    const std::string path = safetensors::write_file(
        "odd.safetensors", safetensors::safetensors_file(json + std::string(spaces, ' '), 16));
    SafetensorsFile file(path, {.data = "x", .target = "x"});
    EXPECT_EQ(file.get_batch(std::vector<size_t>{1}).data.item<double>(), 0);
  }
}

TEST(SafetensorsFile, HasRowsWithoutValues) {
  SafetensorsFile file(kRows, {.data = "empty_rows", .target = "labels"});
  EXPECT_EQ(file.get_batch(std::vector<size_t>{1, 2}).data.sizes(), at::IntArrayRef({2, 0}));
  EXPECT_THAT(message_of([&] { file.get_batch(std::vector<size_t>{5}); }),
              HasSubstr("row 5 was asked for, but there are 5"));
}

TEST(SafetensorsFile, OutlivesItsNameAndItsFirstCopy) {
  std::ifstream in(kRows, std::ios::binary);
  const std::string path = safetensors::write_file(
      "gone.safetensors", {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
  auto first = std::make_unique<SafetensorsFile>(
      path, SafetensorsColumns{.data = "int64", .target = "labels"});
  SafetensorsFile second = *first;
  first.reset();
  std::remove(path.c_str());
  EXPECT_EQ(second.get_batch(std::vector<size_t>{3}).data.sum().item<int64_t>(), 13);
}

TEST(SafetensorsFile, SaysWhichTensorIsNotFit) {
  const auto problem = [](const std::string& data, const std::string& target) {
    return message_of([&] { SafetensorsFile file(kRows, {.data = data, .target = target}); });
  };
  EXPECT_THAT(problem("float31", "labels"),
              AllOf(HasSubstr(kRows + " has no tensor \"float31\"; it has "),
                    HasSubstr("\"float16\""), HasSubstr("\"labels\"")));
  EXPECT_THAT(problem("float32", ""), HasSubstr(" has no tensor \"\"; it has "));
  EXPECT_EQ(problem("number", "labels"),
            kRows + ": the tensor \"number\" is a scalar; name a tensor whose rows are samples");
  EXPECT_EQ(problem("float32", "short"),
            kRows +
                ": the tensor \"float32\" has 5 rows and \"short\" has 4; save one target for each "
                "row of data");
  EXPECT_EQ(problem_of("{}", 0), " has no tensor \"x\"; it has none");
}

TEST(SafetensorsFile, SaysWhatIsDamaged) {
  EXPECT_THAT(message_of([] { SafetensorsFile file("/no/such", {.data = "x", .target = "y"}); }),
              HasSubstr("there is no such file"));
  const std::string both = R"({"x":{"dtype":"U8","shape":[2,2],"data_offsets":[0,4]},)";
  EXPECT_EQ(problem_of(both + R"("y":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 6),
            "no error");
  EXPECT_THAT(problem_of(both + R"("y":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 5),
              HasSubstr("it is cut off"));
  EXPECT_THAT(problem_of(both + R"("y":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})", 6),
              HasSubstr("overlaps"));
  EXPECT_THAT(problem_of(both + R"("y":{"dtype":"U8","shape":[2],"data_offsets":[4,2]}})", 6),
              HasSubstr("before it begins"));
  EXPECT_THAT(problem_of(both + R"("y":{"dtype":"U8","shape":[2],"data_offsets":[4,9]}})", 9),
              HasSubstr("5 bytes by its offsets but 2"));
  EXPECT_THAT(problem_of(both, 4), HasSubstr("cannot be read as safetensors"));
}

TEST(SafetensorsFile, IsReadByThreadsAtOnce) {
  SafetensorsFile file(kRows, {.data = "float64", .target = "labels"});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([file]() mutable {
      for (int pass = 0; pass < 100; ++pass)
        EXPECT_EQ(file.get_batch(std::vector<size_t>{2}).data.sum().item<double>(), 9);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accelerate
