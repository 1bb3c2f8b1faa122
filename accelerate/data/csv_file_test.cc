#include "accelerate/data/csv_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

#include "accelerate/data/data_loader.h"
#include "testing/errors/message_of.h"

namespace accelerate {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Rows = std::vector<std::vector<float>>;

const std::string& path() {
  static const std::string path = testing::TempDir() + "/table.csv";
  return path;
}

const std::string& written(const std::string& text) {
  std::ofstream(path(), std::ios::binary) << text;
  return path();
}

CsvFile read(const std::string& text, const CsvOptions& options = {}) {
  return CsvFile(written(text), options);
}

// What is wrong, behind the name of the file.
std::string problem_of(const std::string& text, const CsvOptions& options = {}) {
  const std::string message = message_of([&] { read(text, options); });
  return message.starts_with(path()) ? message.substr(path().size()) : message;
}

Rows rows_of(const CsvFile& file) {
  const at::Tensor data = file.data();
  EXPECT_EQ(data.scalar_type(), at::kFloat);
  Rows rows;
  for (int64_t row = 0; row < data.size(0); ++row) {
    const auto* const values = data.const_data_ptr<float>() + row * data.size(1);
    rows.emplace_back(values, values + data.size(1));
  }
  return rows;
}

std::vector<int64_t> targets_of(const CsvFile& file) {
  const auto* const values = file.target().const_data_ptr<int64_t>();
  return {values, values + file.target().numel()};
}

TEST(CsvFile, TakesTheLastColumnAsTheTarget) {
  const CsvFile file = read("height,width,count\n1.5,-2e3,7\n+.25,4,-8\n");
  EXPECT_EQ(file.size(), 2);
  EXPECT_EQ(rows_of(file), (Rows{{1.5, -2000}, {0.25, 4}}));
  EXPECT_EQ(targets_of(file), (std::vector<int64_t>{7, -8}));
  EXPECT_THAT(file.feature_names(), ElementsAre("height", "width"));
  EXPECT_THAT(file.class_names(), IsEmpty());
}

TEST(CsvFile, TakesColumnsByNameAndByNumber) {
  const std::string text = "a,b,c,d\n1,2,3,4\n5,6,7,8\n";
  const CsvFile named = read(text, {.features = {"d", "a"}, .target = "b"});
  EXPECT_EQ(rows_of(named), (Rows{{4, 1}, {8, 5}}));
  EXPECT_EQ(targets_of(named), (std::vector<int64_t>{2, 6}));
  EXPECT_THAT(named.feature_names(), ElementsAre("d", "a"));
  const CsvFile numbered = read(text, {.features = {-1, 0}, .target = 1});
  EXPECT_EQ(rows_of(numbered), rows_of(named));
  EXPECT_EQ(targets_of(numbered), targets_of(named));
  EXPECT_EQ(rows_of(read(text, {.target = "c"})), (Rows{{1, 2, 4}, {5, 6, 8}}));
}

TEST(CsvFile, NeedsNoHeader) {
  const CsvFile file = read("1,2,0\n3,4,1\n", {.header = false});
  EXPECT_EQ(rows_of(file), (Rows{{1, 2}, {3, 4}}));
  EXPECT_THAT(file.feature_names(), IsEmpty());
}

TEST(CsvFile, MakesBatches) {
  CsvFile file = read("x,y\n1,10\n2,20\n3,30\n");
  const auto batch = file.get_batch(std::vector<size_t>{2, 0});
  EXPECT_TRUE(batch.data.equal(at::tensor({3.F, 1.F}).view({2, 1})));
  EXPECT_TRUE(batch.target.equal(at::tensor({30, 10}, at::kLong)));
  DataLoader loader(file, {.batch_size = 2});
  int64_t sum = 0;
  for (auto& each : loader) sum += each.target.sum().item<int64_t>();
  EXPECT_EQ(sum, 60);
}

TEST(CsvFile, ReadsQuotesSpacesAndLineEndsOfAllKinds) {
  const CsvOptions options = {.target = "a \"b\", c\nd", .target_type = CsvTarget::kClass};
  const std::string header = "x , \"a \"\"b\"\", c\nd\"\t";
  // CRLF, CR, LF and none at the end; lines with nothing on them.
  const CsvFile file =
      read("\xef\xbb\xbf" + header + "\r\n 1 , \"p,q\"\r\r\n\n2,\" p \"\n   \n\"3\",p q", options);
  EXPECT_EQ(rows_of(file), (Rows{{1}, {2}, {3}}));
  EXPECT_THAT(file.feature_names(), ElementsAre("x"));
  EXPECT_THAT(file.class_names(), ElementsAre(" p ", "p q", "p,q"));
  EXPECT_EQ(targets_of(file), (std::vector<int64_t>{2, 0, 1}));
}

TEST(CsvFile, TakesOtherSeparators) {
  for (const char separator : {';', '\t', ' ', '|'}) {
    std::string text = "a,b,c\n1,2,3\n";
    std::replace(text.begin(), text.end(), ',', separator);
    EXPECT_EQ(rows_of(read(text, {.separator = separator})), (Rows{{1, 2}})) << separator;
  }
  // An empty field is one, whatever separates.
  EXPECT_THAT(problem_of("a\tb\tc\n1\t\t3\n", {.separator = '\t'}), HasSubstr("is missing"));
  EXPECT_THAT(problem_of("", {.separator = '"'}), HasSubstr("cannot separate"));
}

TEST(CsvFile, FillsMissingValuesOnlyWhereItIsTold) {
  const std::string text = "a,b,c\n1,NA,3\n,null,4\n\"\",-999,5\n";
  EXPECT_EQ(problem_of(text),
            ":2: column 1, \"b\", holds \"NA\", which is missing; correct it, or set .fill to the "
            "number that replaces missing values");
  const CsvFile file = read(text, {.missing_words = {"NA", "null", "-999"}, .fill = 0.5F});
  EXPECT_EQ(rows_of(file), (Rows{{1, 0.5}, {0.5, 0.5}, {0.5, 0.5}}));
  EXPECT_THAT(problem_of(text, {.missing_words = {"NA"}, .fill = 0}), HasSubstr(":3: column 1"));
  EXPECT_EQ(problem_of("a,b\n1,\n", {.fill = 0}),
            ":2: column 1, \"b\", holds \"\", which is missing; remove samples without a target "
            "from the file");
  EXPECT_THAT(problem_of(text, {.fill = NAN}), HasSubstr(".fill is not a finite number"));
}

TEST(CsvFile, NumbersClassesInTheOrderOfTheirNames) {
  const CsvOptions options = {.target_type = CsvTarget::kClass};
  const CsvFile file = read("x,kind\n1,dog\n2,cat\n3,eel\n4,cat\n", options);
  EXPECT_THAT(file.class_names(), ElementsAre("cat", "dog", "eel"));
  EXPECT_EQ(targets_of(file), (std::vector<int64_t>{1, 0, 2, 0}));
}

TEST(CsvFile, TakesClassesAndColumnsFromAnother) {
  const CsvFile file =
      read("x,y,kind\n1,2,dog\n2,3,cat\n", {.target = "kind", .target_type = CsvTarget::kClass});
  const CsvOptions options = {
      .features = {file.feature_names().begin(), file.feature_names().end()},
      .target = "kind",
      .target_type = CsvTarget::kClass,
      .classes = file.class_names()};
  const CsvFile other = read("kind,y,x\ndog,8,9\n", options);
  EXPECT_EQ(rows_of(other), (Rows{{9, 8}}));
  EXPECT_EQ(targets_of(other), (std::vector<int64_t>{1}));
  EXPECT_EQ(other.class_names(), file.class_names());
  EXPECT_EQ(problem_of("kind,y,x\ncow,8,9\n", options),
            ":2: column 0, \"kind\", holds \"cow\", which is not one of .classes; add it there, or "
            "correct it");
  EXPECT_THAT(problem_of("", {.classes = {"a"}}), HasSubstr("CsvTarget::kClass"));
  EXPECT_THAT(problem_of("", {.target_type = CsvTarget::kClass, .classes = {"a", "a"}}),
              HasSubstr("\"a\" appears twice"));
}

TEST(CsvFile, ReadsFloatTargets) {
  const CsvFile file = read("x,y\n1,2.5\n2,-3\n", {.target_type = CsvTarget::kFloat});
  EXPECT_TRUE(file.target().equal(at::tensor({2.5F, -3.F})));
  EXPECT_THAT(problem_of("x,y\n1,2.5\n"),
              AllOf(StartsWith(":2: column 1, \"y\", holds \"2.5\", which is not a whole number; "),
                    HasSubstr("CsvTarget::kFloat")));
}

TEST(CsvFile, RoundsAsFloatsAreRounded) {
  const CsvFile file = read("x,y\n0.1,0\n16777217,0\n1e-40,0\n1e-60,0\n3.4028235e38,0\n1e2,0\n");
  const Rows expected = {{0.1F}, {16777216.F}, {1e-40F}, {0.F}, {3.4028235e38F}, {100.F}};
  EXPECT_EQ(rows_of(file), expected);
  EXPECT_EQ(targets_of(read("x,y\n1,9223372036854775807\n")),
            (std::vector<int64_t>{std::numeric_limits<int64_t>::max()}));
}

TEST(CsvFile, DoesNotHeedTheLocale) {
  // Where there is one with a comma for the point.
  for (const char* name : {"de_DE.UTF-8", "fr_FR.UTF-8"}) std::setlocale(LC_ALL, name);
  EXPECT_EQ(rows_of(read("x;y\n1.5;0\n", {.separator = ';'})), (Rows{{1.5}}));
  EXPECT_THAT(problem_of("x;y\n1,5;0\n", {.separator = ';'}), HasSubstr("is not a number"));
  std::setlocale(LC_ALL, "C");
}

TEST(CsvFile, SaysWhichValueIsNoNumber) {
  EXPECT_EQ(
      problem_of("a,b\n1,2\nx\ty\x1b,2\n"),
      ":3: column 0, \"a\", holds \"x\\ty\\033\", which is not a number; correct it, or leave the "
      "column out of .features");
  for (const char* const wrong : {"1 2", "1.5.2", "0x10", "1e", "--1", "+-1", "++1", "+", "-", ".",
                                  "1f", "1,5", "1_0", "\xd9\xa3"}) {
    EXPECT_THAT(problem_of("a,b\n\"" + std::string(wrong) + "\",2\n"), HasSubstr("is not a number"))
        << wrong;
  }
  for (const char* const wrong : {"inf", "-Infinity", "-nan", "nan(1)"}) {
    EXPECT_THAT(problem_of("a,b\n" + std::string(wrong) + ",2\n"),
                HasSubstr("is not a finite number"))
        << wrong;
  }
  EXPECT_THAT(problem_of("a,b\n1e39,2\n"), HasSubstr("is out of range for a float"));
  EXPECT_THAT(problem_of("a,b\n1e999999,2\n"), HasSubstr("is out of range for a float"));
  EXPECT_THAT(problem_of("a,b\n1,9223372036854775808\n"), HasSubstr("does not fit into 64 bits"));
  EXPECT_THAT(problem_of("a,b\n1,2.0\n"), HasSubstr("is not a whole number"));
  EXPECT_THAT(problem_of("a,b\n" + std::string(1'000'000, '7') + "x,2\n"),
              EndsWith("of .features"));
}

TEST(CsvFile, SaysWhichLineIsLongerOrShorter) {
  EXPECT_EQ(
      problem_of("\na,b\n\"1\",2\n\n1,2,3\n"),
      ":5: there are 3 fields, but line 2 has 2; give each line the same number, or check the "
      "separator");
  EXPECT_THAT(problem_of("a,b\n1,\"2\n\n\"\n1\n"), StartsWith(":2: column 1"));
  EXPECT_THAT(problem_of("a,b\n1,\"2\"\n1\n"), StartsWith(":3: there are 1 fields"));
  EXPECT_THAT(problem_of("a,\"b\n\nc\"\n1\n"), StartsWith(":4: there are 1 fields"));
}

TEST(CsvFile, SaysWhichQuoteIsWrong) {
  EXPECT_EQ(problem_of("a,b\n\n1,\"2\n3,4\n"),
            ":3: the quote of a field that begins here is never closed");
  EXPECT_THAT(problem_of("a,b\n1,\"2\" 3\n"),
              StartsWith(":2: field 2 continues after its closing quote; "));
}

TEST(CsvFile, SaysWhichColumnIsNotThere) {
  EXPECT_EQ(problem_of("a,b\n1,2\n", {.target = "c"}), " has no column \"c\"; it has \"a\", \"b\"");
  EXPECT_EQ(problem_of("a,b\n1,2\n", {.features = {2}}),
            " has no column 2; there are 2, 0 to 1, or -2 to -1 from the last one");
  EXPECT_THAT(problem_of("a,b\n1,2\n", {.target = -3}), HasSubstr("has no column -3"));
  EXPECT_THAT(problem_of("a,b,a\n1,2,3\n", {.target = "a"}), HasSubstr("several columns \"a\""));
  EXPECT_THAT(problem_of("1,2\n", {.target = "a", .header = false}), HasSubstr("no header"));
  EXPECT_THAT(problem_of("a\n1\n"), HasSubstr("has one column"));
  EXPECT_EQ(problem_of("a,b\n1,2\n", {.features = {0, 1}}),
            ": column 1, \"b\", is both the target and a feature; remove it from one of them");
}

TEST(CsvFile, NoticesARowInThePlaceOfTheHeader) {
  EXPECT_THAT(problem_of("1,2\n3,4\n"), StartsWith(":1: the header contains only numbers; "));
  EXPECT_EQ(rows_of(read("1,2\n3,4\n", {.target = "2"})), (Rows{{3}}));
  EXPECT_THAT(problem_of("a,b\n1,2\n", {.header = false}),
              EndsWith("; set .header if this line names the columns"));
}

TEST(CsvFile, SaysWhatIsNoTable) {
  EXPECT_THAT(problem_of(""), HasSubstr(" is empty; "));
  EXPECT_THAT(problem_of("\n \n"), HasSubstr(" is empty; "));
  EXPECT_THAT(problem_of("\xef\xbb\xbf"), HasSubstr(" is empty; "));
  EXPECT_THAT(problem_of("a,b\n"), HasSubstr(" has no lines after the header; "));
  EXPECT_THAT(problem_of(std::string("\xff\xfe"
                                     "a\0,\0",
                                     6)),
              HasSubstr("UTF-16"));
  EXPECT_THAT(problem_of(std::string("a,b\n1\0,2\n", 9)), HasSubstr("is not a number"));
  EXPECT_EQ(message_of([] { CsvFile file("/no/such.csv"); }),
            "/no/such.csv cannot be read: No such file or directory; check its path and its "
            "permissions");
  EXPECT_THAT(message_of([] { CsvFile file(testing::TempDir()); }), HasSubstr("Is a directory"));
}

// Records across the places where the file is read on, of which quotes and line ends are the worst.
TEST(CsvFile, ReadsFilesOfMoreThanOneRead) {
  std::string text = "x,kind\r\n";
  constexpr int64_t kRows = 40'000;
  for (int64_t row = 0; row < kRows; ++row)
    text += std::to_string(row) + ",\"a \"\"" + std::string(row % 97, 'q') + "\"\"\r\n\"\r\n";
  ASSERT_GT(text.size(), size_t{2} << 20);
  const CsvFile file = read(text, {.target_type = CsvTarget::kClass});
  EXPECT_EQ(file.size(), kRows);
  EXPECT_TRUE(file.data().view(-1).equal(at::arange(kRows, at::kFloat)));
  ASSERT_EQ(file.class_names().size(), 97u);
  EXPECT_EQ(file.class_names()[3], "a \"qqq\"\r\n");
  // Fewer letters stand before more, as a quote comes before a letter.
  EXPECT_TRUE(file.target().equal(at::arange(kRows, at::kLong).remainder(97)));
}

TEST(CsvFile, RefusesARecordWithoutAnEnd) {
  const std::string name = written("a,b\n1,\"");
  std::ofstream out(name, std::ios::binary | std::ios::app);
  const std::string many(1 << 20, 'x');
  for (int i = 0; i < 65; ++i) out << many;
  out.close();
  EXPECT_THAT(message_of([&] { CsvFile file(name); }),
              HasSubstr(":2: a record of more than 67108864 bytes begins here; look for a quote"));
}

TEST(CsvFile, HasEveryLengthOfFile) {
  const std::string text = "x,\"y\"\r\n1,\"2\"\r\n";
  // Each cut is a table or an error, and reads no byte behind its end (under asan).
  for (size_t size = 0; size <= text.size(); ++size) problem_of(text.substr(0, size));
  EXPECT_EQ(problem_of(text), "no error");
}

TEST(CsvFile, IsReadByThreadsAtOnce) {
  CsvFile file = read("x,y\n1,10\n2,20\n3,30\n");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([file]() mutable {
      for (int pass = 0; pass < 100; ++pass)
        EXPECT_EQ(file.get_batch(std::vector<size_t>{1}).target.item<int64_t>(), 20);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace accelerate
