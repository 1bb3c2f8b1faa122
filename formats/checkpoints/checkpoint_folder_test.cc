#include "formats/checkpoints/checkpoint_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/checkpoints/testing/saved_checkpoint.h"
#include "formats/checkpoints/testing/small_disk.h"
#include "formats/checkpoints/verify.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace accelerate::checkpoints {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

const char kId[] = "00000000000000aa";
const char kOtherId[] = "00000000000000bb";

void save(const std::string& path, const std::string& text = "hello") {
  save_checkpoint(path, {{"a", text}, {"b", "more"}});
}

std::string save_unfinished(const std::string& path, const std::string& text = "hello") {
  const std::string unfinished = unfinished_path(path, kId);
  save_checkpoint(unfinished, {{"a", text}, {"b", "more"}}, {.id = kId});
  return unfinished;
}

std::vector<FoundCheckpoint> found_in(const std::string& folder) {
  absl::StatusOr<std::vector<FoundCheckpoint>> found = find_checkpoints(folder);
  EXPECT_TRUE(found.ok()) << found.status();
  return found.ok() ? *std::move(found) : std::vector<FoundCheckpoint>();
}

std::vector<std::string> names_found_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const FoundCheckpoint& each : found_in(folder))
    names.push_back(fs::path(each.path).filename());
  return names;
}

std::string message_of(const absl::Status& status, absl::StatusCode code) {
  EXPECT_EQ(status.code(), code) << status;
  return std::string(status.message());
}

TEST(Paths, AreBesideEachOther) {
  EXPECT_EQ(checkpoint_path("run1", 0), "run1/checkpoint_0");
  EXPECT_EQ(checkpoint_path("run1/", 12), "run1/checkpoint_12");
  EXPECT_EQ(checkpoint_path("", 12), "checkpoint_12");
  EXPECT_EQ(unfinished_path("run1/checkpoint_2", "0123456789abcdef"),
            "run1/checkpoint_2.0123456789abcdef.unfinished");
  EXPECT_EQ(unfinished_path("run1//", "0123456789abcdef"), "run1.0123456789abcdef.unfinished");
}

TEST(FindCheckpoints, SortsByNumber) {
  const std::string folder = new_checkpoint_folder();
  EXPECT_THAT(found_in(folder), IsEmpty());
  for (const std::int64_t number : {std::int64_t{10}, std::int64_t{9}, std::int64_t{0},
                                    std::numeric_limits<std::int64_t>::max()}) {
    save(checkpoint_path(folder, number));
  }
  save_unfinished(checkpoint_path(folder, 9));
  save_unfinished(folder + "/best");
  fs::create_directory(checkpoint_path(folder, 5) + ".00000000000000aa.replaced");
  EXPECT_THAT(names_found_in(folder),
              ElementsAre("best.00000000000000aa.unfinished", "checkpoint_0",
                          "checkpoint_5.00000000000000aa.replaced",
                          "checkpoint_9.00000000000000aa.unfinished", "checkpoint_9",
                          "checkpoint_10", "checkpoint_9223372036854775807"));
  const std::vector<FoundCheckpoint> found = found_in(folder + "/");
  EXPECT_EQ(found[0].number, std::nullopt);
  EXPECT_THAT(found[3].number, Optional(9));
  EXPECT_TRUE(found[3].is_unfinished);
  EXPECT_FALSE(found[3].commit.has_value());
  EXPECT_THAT(found[5].number, Optional(10));
  EXPECT_FALSE(found[5].is_unfinished);
  ASSERT_TRUE(found[5].commit.has_value());
  EXPECT_EQ(found[5].commit->files[0].name, "a");
  EXPECT_THAT(found[5].fault, IsEmpty());
  EXPECT_EQ(found[5].path, folder + "/checkpoint_10");
}

TEST(FindCheckpoints, IgnoresWhatHasOtherNames) {
  const std::string folder = new_checkpoint_folder();
  for (const char* name :
       {"best", "checkpoint_", "checkpoint_01", "checkpoint_00", "checkpoint_-1", "checkpoint_+1",
        "checkpoint_ 1", "checkpoint_1x", "checkpoint_9223372036854775808", "checkpoint_1.tmp",
        "checkpoint_1.unfinished", "checkpoint_1.00000000000000a.unfinished",
        "checkpoint_1.00000000000000AA.unfinished", "checkpoint_100000000000000aa.unfinished",
        ".00000000000000aa.unfinished", "00000000000000aa.unfinished", ".unfinished",
        "Checkpoint_1"}) {
    save(folder + "/" + name);
  }
  write_bytes(folder + "/checkpoint_1", "a file");
  write_bytes(folder + "/checkpoint_2.00000000000000aa.unfinished", "a file");
  EXPECT_THAT(names_found_in(folder), IsEmpty());
}

TEST(FindCheckpoints, SaysWhatIsWrongWithEach) {
  const std::string folder = new_checkpoint_folder();
  const auto path = [&folder](int number) { return checkpoint_path(folder, number); };
  for (int number = 0; number < 6; ++number) save(path(number));
  fs::remove(path(0) + "/commit.json");
  write_bytes(path(1) + "/commit.json", "{}");
  fs::remove(path(2) + "/a");
  write_bytes(path(3) + "/a", "hell");
  // Sizes are looked at, bytes are not.
  write_bytes(path(4) + "/a", "hellO");
  fs::create_symlink("nowhere", path(6));
  std::vector<std::string> faults;
  for (const FoundCheckpoint& each : found_in(folder)) {
    EXPECT_EQ(each.commit.has_value(), each.fault.empty());
    EXPECT_FALSE(each.is_unfinished);
    // Behind a link that leads nowhere there may be one, as on a disk that is not mounted.
    EXPECT_EQ(each.lacks_commit_file, each.path == path(0));
    faults.push_back(each.fault);
  }
  EXPECT_THAT(
      faults,
      ElementsAre(HasSubstr(path(0) + "/commit.json is missing, "),
                  HasSubstr(path(1) + "/commit.json cannot be read as the commit file of a"),
                  HasSubstr(path(2) + "/a is missing, "),
                  HasSubstr(path(3) + "/a has 4 bytes, but was saved with 5; "), IsEmpty(),
                  IsEmpty(), HasSubstr(path(6) + "/commit.json is missing, ")));
}

TEST(FindCheckpoints, SaysWhatBecomesOfUnfinishedOnes) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_3";
  const std::string unfinished = save_unfinished(path);
  EXPECT_EQ(found_in(folder)[0].fault,
            unfinished +
                " is whole, but its renaming was interrupted; rename it to "
                "\"checkpoint_3\" to use it.");
  const std::string other = unfinished +
                            " is unfinished: its saving or its removal was "
                            "interrupted, or is under way.";
  save(path);
  EXPECT_EQ(found_in(folder)[0].fault, other);
  fs::remove_all(path);
  fs::remove(unfinished + "/a");
  EXPECT_EQ(found_in(folder)[0].fault, other);
  fs::remove(unfinished + "/commit.json");
  EXPECT_EQ(found_in(folder)[0].fault, other);
}

TEST(FindCheckpoints, NeedsAFolder) {
  const std::string folder = new_checkpoint_folder();
  write_bytes(folder + "/file", "");
  for (const char* name : {"/none", "/none/none", "/file", "/file/none"}) {
    EXPECT_EQ(message_of(find_checkpoints(folder + name).status(), absl::StatusCode::kNotFound),
              folder + name + ": there is no such folder; correct the path.");
    EXPECT_EQ(message_of(find_checkpoint(folder + name).status(), absl::StatusCode::kNotFound),
              folder + name + ": there is no such folder; correct the path.");
    EXPECT_FALSE(is_checkpoint(folder + name));
  }
}

TEST(NextNumber, IsAfterAllThatHaveOne) {
  const std::string folder = new_checkpoint_folder();
  EXPECT_EQ(next_number(folder + "/none").value(), 0);
  EXPECT_EQ(next_number(folder).value(), 0);
  save_checkpoint(folder + "/checkpoint_9", {{"a", "text"}});
  // Without a commit; and a file, whose name cannot be given again.
  fs::create_directory(folder + "/checkpoint_10");
  write_bytes(folder + "/checkpoint_11", "");
  save_checkpoint(unfinished_path(folder + "/checkpoint_20", "0123456789abcdef"), {});
  fs::create_directory(folder + "/checkpoint_x");
  EXPECT_EQ(next_number(folder).value(), 12);
  fs::create_directory(folder + "/checkpoint_9223372036854775807");
  EXPECT_THAT(next_number(folder).status().message(),
              HasSubstr("there is no number after " + folder + "/checkpoint_9223372036854775807"));
}

TEST(FindCheckpoint, TakesAnyName) {
  const std::string folder = new_checkpoint_folder();
  save(folder + "/best");
  const absl::StatusOr<FoundCheckpoint> best = find_checkpoint(folder + "/best/");
  ASSERT_TRUE(best.ok()) << best.status();
  EXPECT_EQ(best->path, folder + "/best/");
  EXPECT_EQ(best->number, std::nullopt);
  EXPECT_TRUE(best->commit.has_value());
  save(folder + "/checkpoint_7");
  EXPECT_THAT(find_checkpoint(folder + "/checkpoint_7/.")->number, Optional(7));
  EXPECT_THAT(find_checkpoint(folder)->fault, HasSubstr("/commit.json is missing, "));
  EXPECT_TRUE(is_checkpoint(folder + "/best"));
  EXPECT_TRUE(is_checkpoint(folder + "/best/."));
  EXPECT_FALSE(is_checkpoint(folder));
  fs::create_directory(folder + "/checkpoint_8");
  EXPECT_TRUE(is_checkpoint(folder + "/checkpoint_8/"));
  EXPECT_TRUE(is_checkpoint(save_unfinished(folder + "/x")));
}

TEST(FindCheckpoint, FollowsLinks) {
  const std::string folder = new_checkpoint_folder(), other = new_checkpoint_folder();
  save(other + "/best");
  fs::create_symlink(other + "/best", folder + "/checkpoint_1");
  EXPECT_TRUE(found_in(folder)[0].commit.has_value());
  EXPECT_TRUE(find_checkpoint(folder + "/checkpoint_1")->commit.has_value());
}

TEST(Publish, GivesTheName) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  const absl::Status status = publish(save_unfinished(path), path + "/");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
  EXPECT_EQ(read_commit(path)->id, kId);
  EXPECT_TRUE(verify(path, *read_commit(path)).ok());
}

// Somebody has removed what was saved before the commit was written.
TEST(Publish, KeepsTheOldOneWhereTheNewOneIsNotWhole) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/best";
  save(path, "old");
  const std::string unfinished = save_unfinished(path, "new");
  fs::remove(unfinished + "/a");
  EXPECT_FALSE(publish(unfinished, path).ok());
  EXPECT_EQ(bytes_of(path + "/a"), "old");
}

TEST(Publish, ReplacesACheckpoint) {
  const std::string folder = new_checkpoint_folder();
  for (const char* name : {"/checkpoint_0", "/best"}) {
    const std::string path = folder + name;
    save(path, "old");
    write_bytes(path + "/notes.txt", "old");
    EXPECT_TRUE(publish(save_unfinished(path, "new"), path).ok());
    EXPECT_EQ(bytes_of(path + "/a"), "new");
    // A damaged one as well.
    write_bytes(path + "/commit.json", "{}");
    EXPECT_TRUE(publish(save_unfinished(path, "newer"), path).ok());
    EXPECT_THAT(names_in(path), ElementsAre("a", "b", "commit.json"));
    EXPECT_EQ(bytes_of(path + "/a"), "newer");
  }
  EXPECT_THAT(names_in(folder), ElementsAre("best", "checkpoint_0"));
}

TEST(Publish, ReplacesALinkAndNotWhatItLeadsTo) {
  const std::string folder = new_checkpoint_folder(), other = new_checkpoint_folder();
  const std::string path = folder + "/checkpoint_0";
  save(other + "/best", "old");
  fs::create_symlink(other + "/best", path);
  EXPECT_TRUE(publish(save_unfinished(path, "new"), path).ok());
  EXPECT_FALSE(fs::is_symlink(path));
  EXPECT_EQ(bytes_of(path + "/a"), "new");
  EXPECT_EQ(bytes_of(other + "/best/a"), "old");
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
}

TEST(Publish, ReplacesNothingElse) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  const std::string unfinished = save_unfinished(path);
  const auto refusal = [&] {
    const std::string message =
        message_of(publish(unfinished, path), absl::StatusCode::kAlreadyExists);
    EXPECT_TRUE(find_checkpoint(unfinished).ok());
    return message;
  };
  const std::string other = path +
                            " already exists and is not a checkpoint, so it is not replaced; move "
                            "it elsewhere. Or save under another path.";
  write_bytes(path, "a file");
  EXPECT_EQ(refusal(), other);
  EXPECT_EQ(bytes_of(path), "a file");
  fs::remove(path);
  fs::create_symlink("nowhere", path);
  EXPECT_EQ(refusal(), other);
  fs::remove(path);
  // As Python's Accelerate names its checkpoints, too.
  fs::create_directory(path);
  write_bytes(path + "/optimizer.bin", "state");
  EXPECT_EQ(refusal(), other);
  EXPECT_THAT(names_in(path), ElementsAre("optimizer.bin"));
  save(path);
  fs::create_directory(path + "/thesis");
  EXPECT_THAT(refusal(), AllOf(HasSubstr(path + " already exists and is not replaced: "),
                               HasSubstr("holds \"thesis\", a folder")));
  EXPECT_THAT(names_in(path), ElementsAre("a", "b", "commit.json", "optimizer.bin", "thesis"));
}

TEST(Publish, RefusesWhatIsNotCommitted) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  EXPECT_EQ(publish(unfinished_path(path, kId), path).code(), absl::StatusCode::kNotFound);
  const std::string unfinished = save_unfinished(path);
  fs::remove(unfinished + "/commit.json");
  EXPECT_EQ(publish(unfinished, path).code(), absl::StatusCode::kNotFound);
  write_bytes(unfinished + "/commit.json", "{}");
  EXPECT_EQ(publish(unfinished, path).code(), absl::StatusCode::kInvalidArgument);
  save(folder + "/other");
  EXPECT_THAT(message_of(publish(folder + "/other", path), absl::StatusCode::kInvalidArgument),
              HasSubstr("/other is not named like an unfinished checkpoint; "));
  EXPECT_FALSE(fs::exists(path));
}

TEST(RemoveCheckpoint, LeavesNothing) {
  const std::string folder = new_checkpoint_folder(), other = new_checkpoint_folder();
  write_bytes(other + "/precious", "x");
  for (const char* name : {"/checkpoint_0", "/best/", "/checkpoint_1/.",
                           "/x.00000000000000aa.unfinished", "/x.00000000000000aa.replaced"}) {
    const std::string path = folder + name;
    save(path);
    write_bytes(path + "/notes.txt", "x");
    fs::create_symlink(other, path + "/link");
    fs::create_symlink(other + "/precious", path + "/link_to_file");
    const absl::Status status = remove_checkpoint(path);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_THAT(names_in(folder), IsEmpty());
  }
  EXPECT_EQ(bytes_of(other + "/precious"), "x");
}

TEST(RemoveCheckpoint, RemovesDamagedOnes) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  fs::create_directory(path);
  EXPECT_TRUE(remove_checkpoint(path).ok());
  save(path);
  write_bytes(path + "/commit.json", "{}");
  EXPECT_TRUE(remove_checkpoint(path).ok());
  EXPECT_THAT(names_in(folder), IsEmpty());
}

TEST(RemoveCheckpoint, RemovesALinkAlone) {
  const std::string folder = new_checkpoint_folder(), other = new_checkpoint_folder();
  save(other + "/best");
  for (const char* name : {"/checkpoint_1", "/latest/", "/x.00000000000000aa.unfinished"}) {
    std::string path = folder + name;
    if (path.back() == '/') path.pop_back();
    fs::create_symlink(other + "/best", path);
    EXPECT_TRUE(remove_checkpoint(folder + name).ok());
    EXPECT_THAT(names_in(folder), IsEmpty());
  }
  fs::create_symlink("nowhere", folder + "/checkpoint_1");
  EXPECT_TRUE(remove_checkpoint(folder + "/checkpoint_1").ok());
  EXPECT_THAT(names_in(folder), IsEmpty());
  EXPECT_TRUE(find_checkpoint(other + "/best")->commit.has_value());
}

TEST(RemoveCheckpoint, RemovesNothingElse) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/data";
  EXPECT_EQ(remove_checkpoint(path).code(), absl::StatusCode::kNotFound);
  fs::create_directory(path);
  write_bytes(path + "/a", "x");
  write_bytes(folder + "/checkpoint_1", "a file");
  for (const std::string& each :
       {path, folder, folder + "/checkpoint_1", path + "/a", std::string("/")}) {
    EXPECT_THAT(message_of(remove_checkpoint(each), absl::StatusCode::kInvalidArgument),
                HasSubstr(each + " is not a checkpoint, so it is not removed; name one."));
  }
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_1", "data"));
}

TEST(RemoveCheckpoint, RefusesOneThatHoldsMoreThanFiles) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  save(path);
  fs::create_directory(path + "/\x1b[2J");
  EXPECT_EQ(message_of(remove_checkpoint(path), absl::StatusCode::kInvalidArgument),
            path +
                " holds \"\\033[2J\", a folder, which no checkpoint holds, so nothing is removed; "
                "move it elsewhere.");
  fs::remove(path + "/\x1b[2J");
  ASSERT_EQ(mkfifo((path + "/pipe").c_str(), 0600), 0);
  EXPECT_THAT(message_of(remove_checkpoint(path), absl::StatusCode::kInvalidArgument),
              HasSubstr(path + " holds \"pipe\", not a regular file, "));
  EXPECT_TRUE(found_in(folder)[0].commit.has_value());
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
}

TEST(RemoveUnfinished, LeavesTheRest) {
  const std::string folder = new_checkpoint_folder();
  EXPECT_TRUE(remove_unfinished(folder + "/none", "").ok());
  save(folder + "/checkpoint_0");
  save(folder + "/best");
  fs::create_directory(folder + "/checkpoint_1");
  save_unfinished(folder + "/checkpoint_0");
  fs::create_directory(unfinished_path(folder + "/best", kId));
  fs::create_directory(unfinished_path(folder + "/checkpoint_2", kOtherId));
  write_bytes(unfinished_path(folder + "/file", kId), "x");
  EXPECT_TRUE(remove_unfinished(folder, kOtherId).ok());
  const std::string other = fs::path(unfinished_path("checkpoint_2", kOtherId));
  const std::string file = fs::path(unfinished_path("file", kId));
  EXPECT_THAT(names_in(folder), ElementsAre("best", "checkpoint_0", "checkpoint_1", other, file));
  EXPECT_TRUE(remove_unfinished(folder, "").ok());
  EXPECT_THAT(names_in(folder), ElementsAre("best", "checkpoint_0", "checkpoint_1", file));
}

// Where replacing was interrupted between its two steps, on a file system that needs two.
TEST(RemoveUnfinished, LeavesWhatWasToBeReplaced) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  const std::string replaced = path + "." + kId + ".replaced";
  save_unfinished(path, "new");
  save(replaced, "old");
  EXPECT_TRUE(remove_unfinished(folder, "").ok());
  EXPECT_THAT(names_in(folder), ElementsAre(fs::path(replaced).filename()));
  EXPECT_THAT(found_in(folder)[0].fault, HasSubstr("rename it to \"checkpoint_0\" to use it."));
  save(path, "newer");
  EXPECT_TRUE(remove_unfinished(folder, "").ok());
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0"));
}

TEST(RemoveUnfinished, GoesOnBehindAnError) {
  const std::string folder = new_checkpoint_folder();
  for (const char* name : {"/a", "/b", "/c"})
    fs::create_directory(unfinished_path(folder + name, kId));
  fs::create_directory(unfinished_path(folder + "/b", kId) + "/sub");
  EXPECT_THAT(message_of(remove_unfinished(folder, ""), absl::StatusCode::kInvalidArgument),
              HasSubstr("holds \"sub\", a folder"));
  EXPECT_THAT(names_in(folder), ElementsAre(unfinished_path("b", kId)));
}

TEST(KeepNewest, RemovesWholeOnesOfTheSmallestNumbers) {
  const std::string folder = new_checkpoint_folder();
  for (const int number : {2, 9, 10, 11, 1}) save(checkpoint_path(folder, number));
  save(folder + "/best");
  fs::create_directory(checkpoint_path(folder, 0));
  const std::string unfinished = fs::path(save_unfinished(folder + "/checkpoint_1")).filename();
  EXPECT_TRUE(keep_newest(folder, 3).ok());
  EXPECT_THAT(names_in(folder), ElementsAre("best", "checkpoint_0", unfinished, "checkpoint_10",
                                            "checkpoint_11", "checkpoint_9"));
  EXPECT_TRUE(keep_newest(folder, 3).ok());
  EXPECT_TRUE(keep_newest(folder, std::numeric_limits<std::int64_t>::max()).ok());
  EXPECT_EQ(names_in(folder).size(), 6u);
  EXPECT_THAT(message_of(keep_newest(folder, -1), absl::StatusCode::kInvalidArgument),
              HasSubstr("-1 checkpoints of "));
  EXPECT_EQ(keep_newest(folder + "/none", 1).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(keep_newest(folder, 0).ok());
  EXPECT_THAT(names_in(folder), ElementsAre("best", "checkpoint_0", unfinished));
}

TEST(Disks, ThatAreFullCanBeCleared) {
  const std::string folder = new_checkpoint_folder();
  const SmallDisk disk(folder, 1 << 16);
  if (!disk.is_there()) GTEST_SKIP() << "only root can mount a small disk";
  save(folder + "/checkpoint_0", "old");
  const std::string unfinished = save_unfinished(folder + "/checkpoint_0", "new");
  save(folder + "/checkpoint_1");
  disk.fill();
  EXPECT_TRUE(publish(unfinished, folder + "/checkpoint_0").ok());
  EXPECT_EQ(bytes_of(folder + "/checkpoint_0/a"), "new");
  EXPECT_TRUE(remove_checkpoint(folder + "/checkpoint_1").ok());
  EXPECT_THAT(names_in(folder), ElementsAre("checkpoint_0", "filling"));
}

TEST(Disks, ThatCannotBeWrittenStayAsTheyAre) {
  const std::string folder = new_checkpoint_folder(), path = folder + "/checkpoint_0";
  const SmallDisk disk(folder, 1 << 16);
  if (!disk.is_there()) GTEST_SKIP() << "only root can mount a small disk";
  save(path, "old");
  const std::string unfinished = save_unfinished(path, "new");
  ASSERT_TRUE(disk.forbid_writing());
  EXPECT_THAT(message_of(remove_checkpoint(path), absl::StatusCode::kPermissionDenied),
              HasSubstr(path + " cannot be removed: Read-only file system; "));
  EXPECT_THAT(message_of(publish(unfinished, path), absl::StatusCode::kPermissionDenied),
              HasSubstr(" is whole, but cannot be renamed to " + path + ": Read-only file system"));
  EXPECT_EQ(remove_unfinished(folder, "").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(write_commit(path, *read_commit(unfinished)).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(found_in(folder)[1].commit.has_value());
  EXPECT_EQ(bytes_of(path + "/a"), "old");
}

// Root is refused nothing, and so this process is nobody meanwhile.
class AsNobody {
 public:
  AsNobody() : is_one_(geteuid() == 0 && seteuid(65534) == 0) {}
  ~AsNobody() {
    if (is_one_ && seteuid(0) != 0) ADD_FAILURE() << "this process cannot be root again";
  }

 private:
  bool is_one_;
};

// From within, as nobody may not come through the folders above.
class InFolder {
 public:
  explicit InFolder(const std::string& folder) : before_(fs::current_path()) {
    fs::current_path(folder);
  }
  ~InFolder() { fs::current_path(before_); }

 private:
  fs::path before_;
};

TEST(Permissions, AreAFaultOfTheCheckpoint) {
  const InFolder inside(new_checkpoint_folder());
  save("checkpoint_0");
  save("checkpoint_1");
  fs::permissions("checkpoint_0", fs::perms(0));
  fs::permissions(".", fs::perms(0555));
  {
    const AsNobody nobody;
    ASSERT_NE(geteuid(), 0u);
    const std::vector<FoundCheckpoint> found = found_in(".");
    ASSERT_EQ(found.size(), 2u);
    EXPECT_THAT(found[0].fault, HasSubstr("checkpoint_0/commit.json cannot be read: Permission "));
    EXPECT_TRUE(found[1].commit.has_value());
    EXPECT_EQ(remove_checkpoint("checkpoint_0").code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(remove_checkpoint("checkpoint_1").code(), absl::StatusCode::kPermissionDenied);
    EXPECT_EQ(keep_newest(".", 0).code(), absl::StatusCode::kPermissionDenied);
  }
  EXPECT_THAT(names_found_in("."), ElementsAre("checkpoint_0", "checkpoint_1"));
  // One whose files cannot be removed keeps its name.
  fs::permissions("checkpoint_1", fs::perms(0555));
  fs::permissions(".", fs::perms(0777));
  {
    const AsNobody nobody;
    EXPECT_EQ(remove_checkpoint("checkpoint_1").code(), absl::StatusCode::kPermissionDenied);
    EXPECT_TRUE(found_in(".")[1].commit.has_value());
  }
  fs::permissions(".", fs::perms(0));
  {
    const AsNobody nobody;
    EXPECT_THAT(message_of(find_checkpoints(".").status(), absl::StatusCode::kPermissionDenied),
                HasSubstr(". cannot be read: Permission denied"));
  }
  fs::permissions(".", fs::perms(0755));
}

}  // namespace
}  // namespace accelerate::checkpoints
