#include "formats/safetensors/model.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "formats/safetensors/testing/safetensors_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::safetensors {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kTestdata[] = "formats/safetensors/testdata/";

const std::string kOneByte = R"({"dtype":"U8","shape":[1],"data_offsets":[0,1]})";

std::string shard_with(const std::string& name) {
  return safetensors_file("{\"" + name + "\":" + kOneByte + "}", 1);
}

std::vector<std::string> tensor_names(const std::vector<ModelFile>& files) {
  std::vector<std::string> names;
  for (const ModelFile& file : files) {
    for (const TensorEntry& tensor : file.header.tensors) names.push_back(tensor.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string error(const std::string& path) {
  const auto files = read_model(path);
  EXPECT_FALSE(files.ok()) << path;
  return std::string(files.status().message());
}

TEST(Model, IsTheSameInOneFileAndInShards) {
  const auto single = read_model(std::string(kTestdata) + "nested.safetensors");
  ASSERT_TRUE(single.ok()) << single.status();
  EXPECT_EQ(single->size(), 1);
  for (const std::string path : {"sharded", "sharded/", "sharded/model.safetensors.index.json"}) {
    const auto sharded = read_model(kTestdata + path);
    ASSERT_TRUE(sharded.ok()) << sharded.status();
    EXPECT_EQ(sharded->size(), 3);
    EXPECT_EQ(tensor_names(*sharded), tensor_names(*single));
  }
}

TEST(Model, IsFoundInItsFolderASingleFileFirst) {
  const std::string index =
      write_file("both/model.safetensors.index.json", R"({"weight_map":{"a":"shard"}})");
  const std::string folder = std::filesystem::path(index).parent_path();
  write_file("both/shard", shard_with("a"));
  EXPECT_EQ(tensor_names(*read_model(folder)), std::vector<std::string>{"a"});
  write_file("both/model.safetensors", shard_with("b"));
  EXPECT_EQ(tensor_names(*read_model(folder)), std::vector<std::string>{"b"});
}

TEST(Model, HasOnlyTheTensorsThatItsIndexNames) {
  const std::string index = write_file("named/x.index.json", R"({"weight_map":{"b":"shard"}})");
  write_file(
      "named/shard",
      safetensors_file(
          "{\"a\":" + kOneByte + R"(,"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2));
  const auto files = read_model(index);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(tensor_names(*files), std::vector<std::string>{"b"});
}

TEST(Model, IsRefusedWhereAShardIsMissing) {
  const std::string index = write_file("missing/x.index.json", R"({"weight_map":{"a":"shard"}})");
  EXPECT_THAT(error(index), AllOf(HasSubstr(index + " names the file \"shard\", but there is no"),
                                  HasSubstr("; download or copy all files of the model.")));
}

TEST(Model, IsRefusedWhereATensorIsNotInItsShard) {
  const std::string index =
      write_file("elsewhere/x.index.json", R"({"weight_map":{"a":"shard","b":"shard"}})");
  write_file("elsewhere/shard", shard_with("a"));
  EXPECT_THAT(error(index), AllOf(HasSubstr("says that the tensor \"b\" is in "),
                                  HasSubstr("but it is not; download both files again.")));
}

TEST(Model, IsRefusedWithTheNameOfTheFileThatIsWrong) {
  const std::string index = write_file("wrong/x.index.json", R"({"weight_map":{"a":"shard"}})");
  const std::string shard = write_file("wrong/shard", shard_with("a") + "?");
  EXPECT_THAT(error(index), HasSubstr(shard + " cannot be read as safetensors: the last 1 bytes"));
  const std::string parent = write_file("wrong/y.json", R"({"weight_map":{"a":"../shard"}})");
  EXPECT_THAT(error(parent),
              AllOf(HasSubstr(parent + " cannot be read as the index of a model: the tensor"),
                    HasSubstr("\"../shard\", which is not a path within the index's folder; "),
                    HasSubstr("give the path of a .safetensors file.")));
}

TEST(Model, IsRefusedWhereAFolderHasNone) {
  const std::string note = write_file("none/note.txt", "");
  const std::string folder = std::filesystem::path(note).parent_path();
  EXPECT_THAT(error(folder), AllOf(HasSubstr(folder + ": this folder has neither"),
                                   HasSubstr("save the model as safetensors there.")));
  const std::string adapter = write_file("none/adapter.safetensors", shard_with("a"));
  for (const char* name : {"z", "b", "y"}) {
    write_file(std::string("none/") + name + ".safetensors", shard_with("a"));
  }
  EXPECT_THAT(error(folder),
              HasSubstr("give the path of the file that you mean, such as " + adapter + "."));
}

TEST(Model, IsRefusedWhereThereIsNothing) {
  EXPECT_TRUE(absl::IsNotFound(read_model("bert-base-cased").status()));
}

}  // namespace
}  // namespace accelerate::safetensors
