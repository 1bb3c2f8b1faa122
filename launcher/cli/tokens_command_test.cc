#include "launcher/cli/tokens_command.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "formats/tokens/testing/token_bytes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/cli/command_result.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CommandResult run(const std::vector<std::string>& words, const std::string& input = "") {
  return result_of([&](const Console& console) { return run_tokens(words, console); }, input);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string tokens_of(const std::string& text) {
  std::vector<std::int64_t> tokens;
  for (const char byte : text) tokens.push_back(static_cast<unsigned char>(byte));
  return token_bytes<std::uint16_t>(tokens);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  return names;
}

TEST(Tokens, MakesATokenOfEachByte) {
  const std::string folder = new_token_folder() + "/";
  write_bytes(folder + "one.txt", std::string("é\0\xff", 4));
  write_bytes(folder + "two.txt", "two");
  const CommandResult result =
      run({folder + "one.txt", "--output=" + folder + "a.bin", folder + "two.txt"});
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output, folder + "a.bin: 7 tokens, 14 bytes\n");
  EXPECT_EQ(bytes_of(folder + "a.bin"), tokens_of(std::string("é\0\xff", 4) + "two"));
}

TEST(Tokens, ReadsTheStandardInput) {
  const std::string folder = new_token_folder() + "/";
  write_bytes(folder + "one.txt", "one ");
  const CommandResult result =
      run({folder + "one.txt", "-", "--format", "llm.c", "--output", folder + "a.bin"}, "two");
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output, folder + "a.bin: 7 tokens, 1.01 KB\n");
  EXPECT_EQ(bytes_of(folder + "a.bin"), llm_c_header_bytes(20240520, 1, 7) + tokens_of("one two"));
}

TEST(Tokens, GivesTheLastTokensToASecondFile) {
  const std::string folder = new_token_folder() + "/";
  const std::vector<std::string> words = {"-", "--output=" + folder + "a.bin",
                                          "--validation_output=" + folder + "b.bin"};
  const CommandResult result = run(words, "0123456789012345678");
  EXPECT_EQ(result.code, 0) << result.errors;
  EXPECT_EQ(result.output,
            folder + "a.bin: 18 tokens, 36 bytes\n" + folder + "b.bin: 1 tokens, 2 bytes\n");
  EXPECT_EQ(bytes_of(folder + "a.bin"), tokens_of("012345678901234567"));
  EXPECT_EQ(bytes_of(folder + "b.bin"), tokens_of("8"));
  std::vector<std::string> half = words;
  half.push_back("--validation-fraction=0.5");
  EXPECT_EQ(run(half, "abcde").code, 0);
  EXPECT_EQ(bytes_of(folder + "a.bin"), tokens_of("abc"));
  EXPECT_EQ(bytes_of(folder + "b.bin"), tokens_of("de"));
  EXPECT_EQ(run(words, "short").errors,
            "accelerate tokens: of 5 tokens, a share of 0.1 leaves one of the two files empty; "
            "nothing was written. Give another --validation_fraction, or more text.\n");
  EXPECT_EQ(bytes_of(folder + "a.bin"), tokens_of("abc"));
}

TEST(Tokens, ReadsTextsOfManyPieces) {
  const std::string folder = new_token_folder() + "/";
  std::string text;
  for (int i = 0; i < 3'000'000; ++i) text.push_back(static_cast<char>(i * 7 % 256));
  write_bytes(folder + "large.txt", text);
  const CommandResult result = run({folder + "large.txt", "--output=" + folder + "a.bin"});
  EXPECT_EQ(result.output, folder + "a.bin: 3000000 tokens, 5.72 MB\n");
  EXPECT_TRUE(bytes_of(folder + "a.bin") == tokens_of(text));
}

TEST(Tokens, SaysWhatIsWrongInOneLine) {
  const std::string folder = new_token_folder() + "/";
  const std::string text = folder + "text.txt", output = "--output=" + folder + "a.bin";
  write_bytes(text, "text");
  write_bytes(folder + "empty.txt", "");
  const auto error = [](const std::vector<std::string>& words) {
    const CommandResult result = run(words);
    EXPECT_EQ(result.code, 2);
    EXPECT_THAT(result.output, IsEmpty());
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1);
    return result.errors;
  };
  EXPECT_THAT(error({output}), HasSubstr("FILE is missing; write accelerate tokens FILE [FILE "));
  EXPECT_THAT(error({text}), HasSubstr("--output is missing; add --output=PATH"));
  EXPECT_THAT(error({text, output, "--format=lmc"}),
              HasSubstr("--format: \"lmc\" is not a format; did you mean llm.c?"));
  EXPECT_THAT(error({"/no/such.txt", output}),
              HasSubstr("/no/such.txt cannot be read: No such file or directory; "));
  EXPECT_THAT(error({folder, output}), HasSubstr(folder + " cannot be read"));
  EXPECT_THAT(error({folder + "empty.txt", output}),
              HasSubstr("there is no text; nothing was written"));
  EXPECT_THAT(error({text, "--output=" + folder + "./text.txt"}),
              HasSubstr("text.txt would be both read and written; "));
  EXPECT_THAT(error({text, output, "--validation_output=" + text}),
              HasSubstr("text.txt would be both read and written; "));
  EXPECT_THAT(error({text, output, "--validation_output=" + folder + "./a.bin"}),
              HasSubstr("--output and --validation_output are both "));
  EXPECT_THAT(error({text, output, "--validation_fraction=0.5"}),
              HasSubstr("add --validation_output=PATH"));
  for (const std::string share : {"0", "1", "-0.5", "nan", "x", "10%"}) {
    EXPECT_THAT(error({text, output, "--validation_output=" + folder + "b.bin",
                       "--validation_fraction=" + share}),
                HasSubstr("\"" + share + "\" is not a number between 0 and 1"));
  }
  EXPECT_THAT(error({text, "--output=" + folder}), HasSubstr("cannot be written: "));
  EXPECT_THAT(error({text, "--output=/dev/null"}),
              HasSubstr("it exists and is not a regular file"));
  EXPECT_EQ(names_in(folder).size(), 2u);
  EXPECT_EQ(bytes_of(text), "text");
}

TEST(Tokens, LeavesTheOldFileWhenTheDiskIsFull) {
  const std::string folder = new_token_folder() + "/";
  write_bytes(folder + "a.bin", "old");
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = 4096;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const CommandResult result = run({"-", "--output=" + folder + "a.bin"}, std::string(100000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(result.code, 1);
  EXPECT_THAT(result.errors, AllOf(HasSubstr("`" + folder + "a.bin` cannot be written: "),
                                   HasSubstr("Nothing was changed")));
  EXPECT_EQ(bytes_of(folder + "a.bin"), "old");
  EXPECT_THAT(names_in(folder), ElementsAre("a.bin"));
}

bool has_open_file_in(pid_t pid, const std::string& folder) {
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry, error).string().starts_with(folder)) return true;
  }
  return false;
}

// Where the file system has files without a name; elsewhere a temporary one would be left.
TEST(Tokens, LeavesNothingWhenItIsKilled) {
  const std::string folder = new_token_folder() + "/";
  Subprocess program(
      {.arguments = {"launcher/accelerate", "tokens", "-", "--output=" + folder + "a.bin"}});
  program.write_input("some text");
  EXPECT_TRUE(eventually([&] { return has_open_file_in(program.pid(), folder); }));
  program.send_signal(SIGINT);
  EXPECT_EQ(program.wait(), 130);
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST(Tokens, ReadsAPipeToItsEnd) {
  const std::string folder = new_token_folder() + "/";
  const ProgramEnd end = run_to_end(
      {.arguments = {"/bin/sh", "-c",
                     "head -c 1000000 /dev/zero | launcher/accelerate tokens - --output=" + folder +
                         "a.bin"}});
  EXPECT_EQ(end.code, 0) << end.errors;
  EXPECT_EQ(end.output, folder + "a.bin: 1000000 tokens, 1.91 MB\n");
  EXPECT_EQ(std::filesystem::file_size(folder + "a.bin"), 2'000'000u);
}

}  // namespace
}  // namespace accelerate::launcher
