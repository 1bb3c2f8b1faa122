#include "formats/metrics/growing_file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <string>

#include "formats/checkpoints/testing/small_disk.h"
#include "formats/metrics/csv_writer.h"
#include "formats/metrics/jsonl_reader.h"
#include "formats/metrics/jsonl_writer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::metrics {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string new_folder() {
  std::string folder = testing::TempDir() + "/growing.XXXXXX";
  EXPECT_NE(mkdtemp(folder.data()), nullptr);
  return folder;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(GrowingFile, HasEachRecordAsSoonAsItIsAppended) {
  const std::string path = new_folder() + "/a/b/notes.txt";
  GrowingFile file(path, "head\n");
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE(file.append("one\n").ok());
  EXPECT_EQ(bytes_of(path), "head\none\n");
  ASSERT_TRUE(file.append("two\n").ok());
  EXPECT_EQ(bytes_of(path), "head\none\ntwo\n");
  GrowingFile later(path, "head\n");
  ASSERT_TRUE(later.append("three\n").ok());
  ASSERT_TRUE(later.cut(9).ok());
  ASSERT_TRUE(later.append("four\n").ok());
  EXPECT_EQ(bytes_of(path), "head\none\nfour\n");
}

TEST(GrowingFile, IsMadeAnewWhereItsFolderWasRemoved) {
  const std::string folder = new_folder();
  GrowingFile file(folder + "/run/notes.txt", "head\n");
  ASSERT_TRUE(file.append("one\n").ok());
  std::filesystem::remove_all(folder + "/run");
  ASSERT_TRUE(file.append("two\n").ok());
  EXPECT_EQ(bytes_of(file.path()), "head\ntwo\n");
}

TEST(GrowingFile, LeavesAloneWhatALinkLeadsTo) {
  const std::string folder = new_folder();
  std::ofstream(folder + "/precious") << "bytes";
  std::filesystem::create_symlink(folder + "/precious", folder + "/notes.txt");
  GrowingFile file(folder + "/notes.txt", "");
  EXPECT_TRUE(absl::IsFailedPrecondition(file.append("one\n")));
  EXPECT_FALSE(file.cut(0).ok());
  EXPECT_EQ(bytes_of(folder + "/precious"), "bytes");
}

TEST(GrowingFile, GoesOnWhereAFolderIsInTheWayForAWhile) {
  const std::string folder = new_folder(), path = folder + "/notes.txt";
  std::filesystem::create_directory(path);
  GrowingFile file(path, "");
  const absl::Status status = file.append("one\n");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  std::filesystem::remove(path);
  EXPECT_TRUE(file.append("two\n").ok());
  EXPECT_EQ(bytes_of(path), "two\n");
}

TEST(GrowingFile, HasWholeRecordsOnAFullDisk) {
  const std::string folder = new_folder();
  const checkpoints::SmallDisk disk(folder, /*bytes=*/1 << 16);
  if (!disk.is_there()) GTEST_SKIP() << "no disk can be mounted here";
  JsonlWriter lines(folder + "/metrics.jsonl");
  CsvWriter table(folder + "/metrics.csv");
  const Record record = {.step = 1, .values = {{"note", std::string(1000, 'x')}}};
  ASSERT_TRUE(lines.append(record).ok());
  ASSERT_TRUE(table.append(record).ok());
  disk.fill();
  // What is left of the last page is taken, and then no more.
  absl::Status status;
  while (status.ok()) status = lines.append(record);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("make room on that disk"));
  EXPECT_EQ(bytes_of(lines.path()).back(), '\n');
  // A new column, for which all is written anew.
  const std::string before = bytes_of(table.path());
  EXPECT_FALSE(table.append({.step = 2, .values = {{"loss", 0.5}}}).ok());
  EXPECT_EQ(bytes_of(table.path()), before);

  std::filesystem::remove(folder + "/filling");
  EXPECT_TRUE(lines.append({.step = 3, .values = {{"loss", 0.25}}}).ok());
  EXPECT_TRUE(table.append({.step = 3, .values = {{"loss", 0.25}}}).ok());
  const auto run = read_jsonl(lines.path());
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run->remarks, IsEmpty());
  EXPECT_EQ(run->series.at("loss").at(0).value, 0.25);
  EXPECT_THAT(bytes_of(table.path()), HasSubstr("\n3,0,,0.25\n"));
}

// A process that is killed in the midst of writing leaves all that was appended, in both files.
TEST(GrowingFile, HasWholeRecordsAtALimitOfAFilesSize) {
  const std::string path = new_folder() + "/notes.txt";
  GrowingFile file(path, "head\n");
  ASSERT_TRUE(file.append("one\n").ok());
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{12, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = file.append("more than has room\n");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("raise the limit of a file's size (ulimit -f)"));
  EXPECT_EQ(bytes_of(path), "head\none\n");
}

TEST(GrowingFile, LosesNothingWhenTheProcessIsKilled) {
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* done = new (memory) std::atomic<std::int64_t>(0);
  const std::string folder = new_folder();
  for (const std::int64_t some : {1, 100, 1000}) {
    *done = 0;
    const std::string run = folder + "/" + std::to_string(some);
    const pid_t child = fork();
    if (child == 0) {
      JsonlWriter lines(run + "/metrics.jsonl");
      CsvWriter table(run + "/metrics.csv");
      for (std::int64_t step = 1;; ++step) {
        const Record record = {.step = step, .values = {{"loss", 1.0 / static_cast<double>(step)}}};
        if (!lines.append(record).ok() || !table.append(record).ok()) _exit(1);
        *done = step;
      }
    }
    int end = 0;
    while (*done < some) {
      ASSERT_EQ(waitpid(child, &end, WNOHANG), 0) << "it could not write";
      usleep(100);
    }
    kill(child, SIGKILL);
    ASSERT_EQ(waitpid(child, &end, 0), child);
    EXPECT_TRUE(WIFSIGNALED(end));
    const auto history = read_jsonl(run + "/metrics.jsonl");
    ASSERT_TRUE(history.ok()) << history.status();
    EXPECT_GE(static_cast<std::int64_t>(history->series.at("loss").size()), *done);
    EXPECT_THAT(bytes_of(run + "/metrics.csv"), HasSubstr("\n" + std::to_string(*done) + ","));
  }
}

}  // namespace
}  // namespace accelerate::metrics
