#include "accelerate/data/token_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/functional/loss.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "accelerate/data/data_loader.h"
#include "formats/tokens/testing/token_bytes.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Tokens = std::vector<int64_t>;
using Rows = std::vector<Tokens>;

const std::string kTestdata = "formats/tokens/testdata/";

Rows rows_of(const at::Tensor& tensor) {
  EXPECT_EQ(tensor.scalar_type(), at::kLong);
  EXPECT_TRUE(tensor.is_contiguous());
  Rows rows;
  const int64_t* row = tensor.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < tensor.size(0); ++i, row += tensor.size(1))
    rows.emplace_back(row, row + tensor.size(1));
  return rows;
}

std::vector<size_t> all_of(const TokenFile& dataset) {
  std::vector<size_t> sequences(*dataset.size());
  for (size_t i = 0; i < sequences.size(); ++i) sequences[i] = i;
  return sequences;
}

Rows data_of(TokenFile dataset) { return rows_of(dataset.get_batch(all_of(dataset)).data); }
Rows targets_of(TokenFile dataset) { return rows_of(dataset.get_batch(all_of(dataset)).target); }

Tokens counted(int64_t from, int64_t to) {
  Tokens tokens;
  for (int64_t token = from; token < to; ++token) tokens.push_back(token);
  return tokens;
}

// A folder with the files a.bin, b.bin and so on, of uint16 tokens.
std::string folder_of(const Rows& files) {
  const std::string folder = new_token_folder() + "/";
  char name = 'a';
  for (const Tokens& tokens : files)
    write_bytes(folder + name++ + ".bin", token_bytes<uint16_t>(tokens));
  return folder;
}

TEST(TokenFile, HasEachTokensSuccessorAsItsTarget) {
  TokenFile dataset(folder_of({counted(0, 10)}) + "a.bin", {.sequence_length = 3});
  EXPECT_EQ(dataset.size(), 3u);
  EXPECT_EQ(dataset.num_tokens(), 10);
  const auto batch = dataset.get_batch({2, 0});
  EXPECT_EQ(rows_of(batch.data), (Rows{{6, 7, 8}, {0, 1, 2}}));
  EXPECT_EQ(rows_of(batch.target), (Rows{{7, 8, 9}, {1, 2, 3}}));
  EXPECT_EQ(dataset.get_batch({}).data.sizes(), at::IntArrayRef({0, 3}));
}

TEST(TokenFile, TakesSequencesThatOverlapOrLeaveGaps) {
  const std::string path = folder_of({counted(0, 8)}) + "a.bin";
  EXPECT_EQ(data_of(TokenFile(path, {.sequence_length = 4, .stride = 2})),
            (Rows{{0, 1, 2, 3}, {2, 3, 4, 5}}));
  EXPECT_EQ(data_of(TokenFile(path, {.sequence_length = 2, .stride = 5})), (Rows{{0, 1}, {5, 6}}));
  EXPECT_EQ(data_of(TokenFile(path, {.sequence_length = 7})), (Rows{counted(0, 7)}));
}

TEST(TokenFile, TakesFilesInOrderAndNeverCrossesThem) {
  const std::string folder = folder_of({counted(0, 5), counted(10, 12), counted(20, 26)});
  for (const TokenFile& dataset :
       {TokenFile(folder + "?.bin", {.sequence_length = 2}),
        TokenFile({folder + "c.bin", folder + "a.bin", folder + "b.bin"}, {.sequence_length = 2}),
        TokenFile({folder + "b.bin", folder + "*"}, {.sequence_length = 2})}) {
    EXPECT_EQ(data_of(dataset), (Rows{{0, 1}, {2, 3}, {20, 21}, {22, 23}}));
    EXPECT_EQ(targets_of(dataset), (Rows{{1, 2}, {3, 4}, {21, 22}, {23, 24}}));
    EXPECT_THAT(dataset.files(), ElementsAre(folder + "a.bin", folder + "b.bin", folder + "c.bin"));
  }
}

TEST(TokenFile, ReadsLargeBatchesInManyThreads) {
  Tokens tokens;
  for (int64_t i = 0; i < 200000; ++i) tokens.push_back(i % 60000);
  const TokenFile dataset(folder_of({tokens}) + "a.bin", {.sequence_length = 1000});
  const Rows data = data_of(dataset), targets = targets_of(dataset);
  ASSERT_EQ(data.size(), 199u);
  for (size_t i = 0; i < data.size(); ++i) {
    const auto begin = tokens.begin() + 1000 * static_cast<int64_t>(i);
    EXPECT_EQ(data[i], Tokens(begin, begin + 1000));
    EXPECT_EQ(targets[i], Tokens(begin + 1, begin + 1001));
  }
}

// ---- Random places.

// By a program in Python that follows the comment of drawn_number().
TEST(TokenFile, TakesRandomPlacesFromSeedEpochAndNumberAlone) {
  const std::string path = folder_of({counted(0, 100)}) + "a.bin";
  const auto begins = [](TokenFile dataset, int64_t epoch) {
    dataset.set_epoch(epoch);
    Tokens firsts;
    for (const Tokens& row : data_of(dataset)) {
      EXPECT_EQ(row, counted(row[0], row[0] + 8));
      firsts.push_back(row[0]);
    }
    return firsts;
  };
  const TokenFile dataset(path, {.sequence_length = 8, .random = true, .seed = 5, .samples = 4});
  EXPECT_THAT(begins(dataset, 0), ElementsAre(60, 86, 50, 11));
  EXPECT_THAT(begins(dataset, 1), ElementsAre(59, 84, 21, 87));
  TokenFile alone = dataset;
  EXPECT_EQ(rows_of(alone.get_batch({2}).data)[0][0], 50);
  EXPECT_NE(
      begins(TokenFile(path, {.sequence_length = 8, .random = true, .seed = 6, .samples = 4}), 0),
      begins(dataset, 0));
}

TEST(TokenFile, TakesRandomPlacesFromAllFilesToTheirVeryEnds) {
  const std::string folder = folder_of({counted(0, 6), {50, 51}, counted(100, 105)});
  const TokenFile dataset(folder + "*.bin", {.sequence_length = 3, .random = true, .samples = 500});
  std::set<Tokens> seen;
  for (const Tokens& row : data_of(dataset)) seen.insert(row);
  EXPECT_EQ(seen,
            (std::set<Tokens>{{0, 1, 2}, {1, 2, 3}, {2, 3, 4}, {100, 101, 102}, {101, 102, 103}}));
  // As many as lie beside each other.
  EXPECT_EQ(TokenFile(folder + "*.bin", {.sequence_length = 2, .random = true}).size(), 4u);
}

// ---- Documents.

TEST(TokenFile, KeepsDocumentsApartByTheTokenThatEndsThem) {
  const std::string path = folder_of({{1, 2, 3, 0, 4, 0, 5, 6, 7, 8, 9, 0}}) + "a.bin";
  const TokenFileOptions options = {
      .sequence_length = 3, .keep_documents_apart = true, .end_of_document = 0};
  EXPECT_EQ(data_of(TokenFile(path, options)), (Rows{{1, 2, 3}, {5, 6, 7}}));
  EXPECT_EQ(targets_of(TokenFile(path, options)), (Rows{{2, 3, 0}, {6, 7, 8}}));
}

TEST(TokenFile, FillsShortDocumentsUpWithPadding) {
  const std::string path = folder_of({{1, 2, 3, 0, 4, 0, 0, 5, 6, 7, 8, 9, 0}}) + "a.bin";
  const TokenFileOptions options = {
      .sequence_length = 3, .keep_documents_apart = true, .end_of_document = 0, .padding = 99};
  EXPECT_EQ(data_of(TokenFile(path, options)),
            (Rows{{1, 2, 3}, {4, 99, 99}, {5, 6, 7}, {8, 9, 99}}));
  EXPECT_EQ(targets_of(TokenFile(path, options)),
            (Rows{{2, 3, 0}, {0, -100, -100}, {6, 7, 8}, {9, 0, -100}}));
  // As cross_entropy leaves them out.
  EXPECT_EQ(TokenFile::kIgnoredTarget,
            torch::nn::functional::CrossEntropyFuncOptions().ignore_index());
}

TEST(TokenFile, FillsUpTheEndOfAFile) {
  const std::string folder = folder_of({counted(0, 6), counted(10, 12)});
  EXPECT_EQ(data_of(TokenFile(folder + "*", {.sequence_length = 4, .padding = 0})),
            (Rows{{0, 1, 2, 3}, {4, 0, 0, 0}, {10, 0, 0, 0}}));
}

TEST(TokenFile, KeepsTheDocumentsApartThatOthersWrote) {
  const auto documents_of = [](const std::string& name, const TokenFileOptions& marks) {
    TokenFileOptions options = marks;
    options.sequence_length = 64;
    options.keep_documents_apart = true;
    options.padding = 1;
    Rows documents;
    const TokenFile dataset(kTestdata + name, options);
    const Rows data = data_of(dataset), targets = targets_of(dataset);
    for (size_t i = 0; i < data.size(); ++i) {
      Tokens document = {data[i][0]};
      for (const int64_t token : targets[i]) {
        if (token != TokenFile::kIgnoredTarget) document.push_back(token);
      }
      documents.push_back(document);
    }
    return documents;
  };
  const Rows megatron = documents_of("megatron_uint16", {});
  // One of the seven has a single token, and nothing to predict.
  ASSERT_EQ(megatron.size(), 6u);
  EXPECT_EQ(megatron[2].size(), 30u) << "of two sequences";
  Rows nanogpt = documents_of("nanogpt.bin", {.end_of_document = 50256});
  Rows llm_c = documents_of("llm_c_gpt2.bin", {.start_of_document = 50256});
  ASSERT_EQ(nanogpt.size(), 7u);
  ASSERT_EQ(llm_c.size(), 7u);
  nanogpt.erase(nanogpt.begin() + 2);
  llm_c.erase(llm_c.begin() + 2);
  for (size_t i = 0; i < megatron.size(); ++i) {
    EXPECT_EQ(nanogpt[i].back(), 50256);
    nanogpt[i].pop_back();
    EXPECT_EQ(llm_c[i].front(), 50256);
    llm_c[i].erase(llm_c[i].begin());
    EXPECT_EQ(nanogpt[i], megatron[i]);
    EXPECT_EQ(llm_c[i], megatron[i]);
  }
}

TEST(TokenFile, TakesRandomPlacesWithinDocuments) {
  const std::string path = folder_of({{1, 2, 3, 0, 4, 5, 0, 6, 0}}) + "a.bin";
  const auto seen = [&path](std::optional<int64_t> padding) {
    std::set<Tokens> rows;
    const TokenFile dataset(path, {.sequence_length = 2,
                                   .random = true,
                                   .samples = 300,
                                   .keep_documents_apart = true,
                                   .end_of_document = 0,
                                   .padding = padding});
    for (const Tokens& row : data_of(dataset)) rows.insert(row);
    return rows;
  };
  EXPECT_EQ(seen(std::nullopt), (std::set<Tokens>{{1, 2}, {2, 3}, {4, 5}}));
  EXPECT_EQ(seen(9), (std::set<Tokens>{{1, 2}, {2, 3}, {4, 5}, {6, 9}}));
}

// ---- With a loader.

TEST(TokenFile, IsReadByALoaderInOrderAndInWorkers) {
  const std::string path = folder_of({counted(0, 41)}) + "a.bin";
  for (const int workers : {0, 3}) {
    DataLoader loader(TokenFile(path, {.sequence_length = 4}),
                      {.batch_size = 4, .num_workers = workers});
    Tokens firsts;
    for (auto& batch : loader) {
      EXPECT_TRUE(batch.target.equal(batch.data + 1));
      for (const Tokens& row : rows_of(batch.data)) firsts.push_back(row[0]);
    }
    EXPECT_THAT(firsts, ElementsAre(0, 4, 8, 12, 16, 20, 24, 28, 32, 36));
  }
}

TEST(TokenFile, IsReadFromSeveralThreads) {
  TokenFile dataset(folder_of({counted(0, 5000)}) + "a.bin", {.sequence_length = 16});
  const Rows expected = data_of(dataset);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int times = 0; times < 50; ++times)
        EXPECT_EQ(rows_of(dataset.get_batch(all_of(dataset)).data), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// ---- Large files.

// In bytes, what the process has in memory.
int64_t resident_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoll(line.substr(6)) * 1024;
  }
  return 0;
}

TEST(TokenFile, ReadsNoMoreOfALargeFileThanItsBatches) {
  constexpr int64_t kBytes = int64_t{5} << 30, kFew = int64_t{16} << 20;
  const std::string path = folder_of({{1}}) + "a.bin";
  std::filesystem::resize_file(path, kBytes);
  // What LibTorch takes at its first batch is not the file's.
  TokenFile small(folder_of({counted(0, 64)}) + "a.bin", {.sequence_length = 8});
  small.get_batch(all_of(small));
  for (const bool random : {false, true}) {
    const int64_t before = resident_memory();
    ASSERT_GT(before, 0);
    TokenFile dataset(path, {.sequence_length = 1024, .random = random});
    EXPECT_EQ(dataset.num_tokens(), kBytes / 2);
    EXPECT_EQ(dataset.size(), (kBytes / 2 - 1) / 1024);
    const size_t last = *dataset.size() - 1;
    const auto batch = dataset.get_batch({0, last / 2, last});
    EXPECT_LT(resident_memory() - before, kFew);
    EXPECT_EQ(batch.data.sum().item<int64_t>(), random ? 0 : 1);
  }
}

// ---- Errors.

TEST(TokenFileErrors, NameTheFileAndTheByte) {
  const std::string folder = folder_of({counted(0, 20), counted(0, 20)});
  TokenFile dataset(folder + "*.bin", {.sequence_length = 4, .vocabulary_size = 14});
  dataset.get_batch({0, 1, 4});
  EXPECT_EQ(message_of([&] { dataset.get_batch({7}); }),
            folder +
                "b.bin cannot be read as tokens: at byte 28, there is the token 14, which a "
                "vocabulary of 14 does not have; give the vocabulary size that it was written "
                "for, and the type that its tokens have.");
  // Where it is a target only.
  TokenFile targets(folder + "*.bin", {.sequence_length = 4, .vocabulary_size = 8});
  EXPECT_THAT(message_of([&] { targets.get_batch({1}); }),
              HasSubstr("a.bin cannot be read as tokens: at byte 16, there is the token 8,"));
  EXPECT_THAT(message_of([&] { TokenFile(folder + "c.bin"); }),
              HasSubstr(folder + "c.bin: there is no such token file; "));
  write_bytes(folder + "d.bin", "odd");
  EXPECT_THAT(message_of([&] { TokenFile(folder + "*.bin"); }),
              HasSubstr(folder + "d.bin cannot be read as tokens: at byte 2, "));
}

TEST(TokenFileErrors, TellSequencesThatAreNotThere) {
  const std::string folder = folder_of({counted(0, 9), counted(0, 3)});
  TokenFile dataset(folder + "*", {.sequence_length = 4});
  EXPECT_EQ(message_of([&] {
              dataset.get_batch({0, 2});
            }),
            "TokenFile: sequence 2 was asked for, but there are 2; ask for 0 to size() - 1");
  EXPECT_EQ(message_of([&] { TokenFile(folder + "*", {.sequence_length = 9}); }),
            "TokenFile: no sequence of 9 tokens, with the one that follows, fits into " + folder +
                "a.bin or the other files, whose longest file has 9; make sequence_length smaller");
  EXPECT_THAT(
      message_of([&] {
        TokenFile(folder + "a.bin",
                  {.sequence_length = 4, .keep_documents_apart = true, .end_of_document = 3});
        TokenFile(folder + "a.bin",
                  {.sequence_length = 5, .keep_documents_apart = true, .end_of_document = 3});
      }),
      HasSubstr("whose longest document has 5; make sequence_length smaller, or give "
                "padding"));
}

TEST(TokenFileErrors, TellFilesThatDoNotBelongTogether) {
  const std::string folder = folder_of({counted(0, 2000)});
  write_bytes(folder + "b.bin",
              llm_c_header_bytes(20240520, 1, 9) + token_bytes<uint16_t>(counted(0, 9)));
  EXPECT_EQ(message_of([&] { TokenFile(folder + "*"); }),
            "TokenFile: " + folder + "b.bin is llm.c and " + folder +
                "a.bin is raw; give files of one format, or set format");
}

TEST(TokenFileErrors, TellDocumentsThatCannotBeFound) {
  const std::string path = folder_of({counted(0, 20)}) + "a.bin";
  EXPECT_THAT(message_of([&] { TokenFile(path, {.keep_documents_apart = true}); }),
              AllOf(HasSubstr(path + " is raw, which does not tell where documents end"),
                    HasSubstr("give end_of_document")));
  EXPECT_THAT(
      message_of([&] { TokenFile(path, {.keep_documents_apart = true, .end_of_document = 77}); }),
      HasSubstr("the token 77, which should separate documents, is not where one would end"));
  EXPECT_THAT(
      message_of([&] {
        TokenFile(kTestdata + "megatron_uint16",
                  {.keep_documents_apart = true, .end_of_document = 7});
      }),
      HasSubstr("megatron_uint16.bin tells where its documents end; leave out end_of_document"));
  // A file that is one document is fine.
  EXPECT_EQ(
      TokenFile(path, {.sequence_length = 19, .keep_documents_apart = true, .end_of_document = 19})
          .size(),
      1u);
}

TEST(TokenFileErrors, TellOptionsThatMakeNoSense) {
  const std::string path = folder_of({counted(0, 2000)}) + "a.bin";
  const auto of = [&path](const TokenFileOptions& options) {
    return message_of([&] { TokenFile(path, options); });
  };
  EXPECT_EQ(of({}), "no error");
  EXPECT_THAT(of({.sequence_length = 0}), HasSubstr("sequence_length is 0; give at least 1"));
  EXPECT_THAT(of({.stride = 0}), HasSubstr("stride is 0; "));
  EXPECT_THAT(of({.stride = 1, .random = true}), HasSubstr("random sequences have no stride; "));
  EXPECT_THAT(of({.samples = 5}), HasSubstr("samples is for random sequences; "));
  EXPECT_THAT(of({.random = true, .samples = 0}), HasSubstr("samples is 0; "));
  EXPECT_THAT(of({.end_of_document = 5}), HasSubstr("but keep_documents_apart is not set; "));
  EXPECT_THAT(of({.keep_documents_apart = true, .end_of_document = 5, .start_of_document = 5}),
              HasSubstr("give only the one that each document has"));
  EXPECT_THAT(of({.padding = 5, .vocabulary_size = 5}), HasSubstr("padding is 5, which the "));
  EXPECT_THAT(of({.padding = -1}), HasSubstr("padding is -1, which the vocabulary"));
  EXPECT_THAT(of({.vocabulary_size = 0}), HasSubstr("vocabulary_size is 0; "));
  EXPECT_THAT(of({.format = TokenFormat::kLlmC}), HasSubstr("no magic number of llm.c's"));
  EXPECT_THAT(message_of([] { TokenFile(std::vector<std::string>{}); }),
              HasSubstr("no file was named"));
}

}  // namespace
}  // namespace accelerate
