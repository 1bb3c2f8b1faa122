// From the recorder to the snapshot.
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "launcher/flight_record/flight_memory.h"
#include "launcher/flight_record/flight_recorder.h"
#include "launcher/flight_record/flight_report.h"
#include "launcher/flight_record/flight_snapshot.h"
#include "launcher/flight_record/flight_view.h"
#include "launcher/flight_record/hang_watch.h"
#include "launcher/flight_record/layout.h"
#include "testing/subprocess/subprocess.h"

namespace accelerate::launcher {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Runs it in a process of its own, where the recorder is as new; whether it has returned true.
template <class Function>
bool in_a_process(Function&& function) {
  const pid_t pid = fork();
  if (pid == 0) _exit(function() ? 0 : 1);
  int status = 0;
  waitpid(pid, &status, 0);
  return status == 0;
}

FlightMemory new_memory(int num_ranks) {
  return *FlightMemory::create({.num_ranks = num_ranks, .first_rank = 4, .world_size = 8});
}

TEST(FlightRecord, OutlivesTheProcessThatNotes) {
  const FlightMemory memory = new_memory(2);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path(), .local_rank = 1, .rank = 5, .world_size = 8});
    CollectiveFacts facts = {.number = 1,
                             .communicator_id = 0,
                             .num_ranks = 8,
                             .kind = CollectiveKind::kAllReduce,
                             .type = ElementType::kHalf};
    facts.set_sizes({3, 2});
    const PlaceScope place("backward", std::source_location::current());
    const FlightTicket first = recorder.begin(facts);
    recorder.wait(first);
    recorder.end(first);
    facts.number = 2;
    recorder.wait(recorder.begin(facts));
    recorder.set_step(12);
    recorder.set_position(0, 640);
    new LongOperation("saving a checkpoint");
    return true;
  }));
  const FlightSnapshot snapshot = memory.read();
  ASSERT_THAT(snapshot.ranks, SizeIs(2));
  EXPECT_EQ(snapshot.world_size, 8);
  EXPECT_EQ(snapshot.ranks[0].process, 0);
  const RankRecord& rank = snapshot.ranks[1];
  EXPECT_EQ(rank.rank, 5);
  EXPECT_NE(rank.process, 0);
  EXPECT_EQ(rank.step, 12);
  EXPECT_EQ(rank.epoch, 0);
  EXPECT_EQ(rank.consumed, 640);
  ASSERT_TRUE(rank.operation.has_value());
  EXPECT_EQ(rank.operation->name, "saving a checkpoint");
  ASSERT_THAT(rank.collectives, SizeIs(2));
  EXPECT_EQ(rank.longest_wait(), &rank.collectives[0]);
  EXPECT_EQ(rank.collectives[0].facts.name(), "all_reduce 2 (half [3, 2])");
  EXPECT_THAT(rank.collectives[0].facts.place(), HasSubstr("`backward` (flight_record_test.cc:"));
  EXPECT_NE(rank.collectives[1].ended, 0u);
  EXPECT_LE(rank.collectives[1].facts.begun, rank.collectives[1].ended);
}

TEST(FlightRecord, KeepsTheLastCollectives) {
  const FlightMemory memory = new_memory(1);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path()});
    const FlightTicket oldest = recorder.begin({.number = 1});
    for (std::uint64_t number = 2; number <= 3000; ++number) recorder.begin({.number = number});
    // Its place is another one's by now.
    recorder.wait(oldest);
    return true;
  }));
  const FlightSnapshot snapshot = memory.read();
  const RankRecord& rank = snapshot.ranks[0];
  EXPECT_EQ(rank.count, 3000u);
  ASSERT_THAT(rank.collectives, SizeIs(flight::kKeptCollectives));
  for (std::size_t i = 0; i < rank.collectives.size(); ++i)
    EXPECT_EQ(rank.collectives[i].facts.number, 3000 - i);
  EXPECT_EQ(rank.longest_wait(), nullptr);
}

TEST(FlightRecord, KnowsTheLastOfTheRunWhenPartsHaveTakenAllRoom) {
  const FlightMemory memory = new_memory(1);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path()});
    recorder.begin({.number = 8});
    for (std::uint64_t number = 1; number <= 2000; ++number)
      recorder.begin({.number = number, .communicator_id = 70, .communicator = 1});
    return true;
  }));
  EXPECT_EQ(memory.read().ranks[0].last_of_run, 8u);
}

// Runs until it is ended.
class Idler {
 public:
  explicit Idler(const std::function<void()>& prepare = [] {}) : pid_(fork()) {
    if (pid_ != 0) return;
    prepare();
    while (true) pause();
  }
  Idler(const Idler&) = delete;
  Idler& operator=(const Idler&) = delete;
  ~Idler() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

TEST(FlightView, TakesNoOtherProcessForARank) {
  FlightMemory memory = new_memory(3);
  flight::block_in(memory.data(), 0)->process = static_cast<std::uint32_t>(getpid());
  const Idler child([&memory] { memory.close(); });
  memory.note_start(1, child.pid());
  memory.note_start(2, getppid());
  FlightView view = look_at(memory);
  EXPECT_NE(view.ranks[0].state, 0) << "it has the memory";
  EXPECT_NE(view.ranks[1].state, 0) << "its parent has, which has started it";
  EXPECT_TRUE(view.ranks[2].has_ended()) << "its number is another process's";
  flight::block_in(memory.data(), 1)->process = static_cast<std::uint32_t>(child.pid());
  EXPECT_TRUE(eventually([&] { return look_at(memory).ranks[1].has_ended(); }))
      << "it says that it notes, but has nothing to note in";
}

TEST(FlightReport, HasNoStacksOfWhoeverHasTheNumberOfARankNow) {
  const Idler stranger;
  FlightView view = {.world_size = 1, .ranks = {{.record = {.process = stranger.pid()}}}};
  read_all_stacks(view);
  EXPECT_EQ(view.ranks[0].stacks.text, "");
}

// A rank in a pid namespace of its own, where it is the first process; ends with this.
class FirstProcess {
 public:
  FirstProcess(const FlightMemory& memory, int local_rank) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(pipe(ends), 0);
    const std::string path = memory.path();
    outer_ = fork();
    if (outer_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(ends[0]);
      if (unshare(CLONE_NEWPID) != 0) _exit(1);
      if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        FlightRecorder::of_process().attach({.path = path, .local_rank = local_rank});
        (void)!write(ends[1], "", 1);
      }
      while (true) pause();
    }
    close(ends[1]);
    char byte = 0;
    is_there_ = read(ends[0], &byte, 1) == 1;
    close(ends[0]);
  }
  FirstProcess(const FirstProcess&) = delete;
  FirstProcess& operator=(const FirstProcess&) = delete;
  ~FirstProcess() {
    kill(outer_, SIGKILL);
    waitpid(outer_, nullptr, 0);
  }

  bool is_there() const { return is_there_; }

 private:
  pid_t outer_ = -1;
  bool is_there_ = false;
};

TEST(FlightView, KnowsTheNumberHereOfARankInANamespaceOfItsOwn) {
  FlightMemory memory = new_memory(2);
  const FirstProcess rank(memory, 0);
  if (!rank.is_there()) GTEST_SKIP() << "no pid namespace can be had here";
  EXPECT_EQ(memory.read().ranks[0].process, 1);
  const RankView view = look_at(memory).ranks[0];
  EXPECT_GT(view.record.process, 1);
  EXPECT_FALSE(view.has_ended());
  // Two of one number are told from each other only there.
  const FirstProcess other(memory, 1);
  FlightView both = look_at(memory);
  read_all_stacks(both);
  for (const RankView& each : both.ranks) {
    EXPECT_FALSE(each.has_ended());
    EXPECT_EQ(each.state, '?');
    EXPECT_THAT(each.stacks.text, HasSubstr("several ranks take this for their number"));
  }
}

// Another user may make links in the folder, which may be one that all write to, such as /tmp.
TEST(FlightReport, IsNotWrittenThroughALinkThatHasItsName) {
  namespace fs = std::filesystem;
  const std::string folder = testing::TempDir() + "/planted", precious = folder + "/precious";
  fs::remove_all(folder);
  fs::create_directories(folder);
  const FlightView view = look_at(new_memory(1));
  // Whatever the second is in which it gets its name.
  const std::time_t now = std::time(nullptr);
  for (std::time_t time = now; time < now + 600; ++time) {
    char name[64] = "";
    std::strftime(name, sizeof(name), "/ranks_4_%Y-%m-%d_%H-%M-%S.txt", std::localtime(&time));
    fs::create_symlink(precious, folder + name);
  }
  const absl::StatusOr<std::string> path = write_flight_report(view, {.folder = folder});
  ASSERT_TRUE(path.ok()) << path.status();
  EXPECT_THAT(*path, HasSubstr("_2.txt"));
  EXPECT_FALSE(fs::exists(precious));

  std::ofstream(precious) << "mine";
  fs::remove(*path);
  fs::create_symlink(precious, *path);
  EXPECT_TRUE(rewrite_flight_report(*path, view, {}).ok());
  EXPECT_FALSE(fs::is_symlink(*path));
  std::string word;
  std::ifstream(precious) >> word;
  EXPECT_EQ(word, "mine");
}

TEST(FlightRecord, NotesNothingBeforeItIsAttached) {
  EXPECT_TRUE(in_a_process([] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.set_step(1);
    const LongOperation operation("saving");
    const FlightTicket ticket = recorder.begin({});
    recorder.wait(ticket);
    recorder.end(ticket);
    return !ticket.has_value();
  }));
}

TEST(FlightRecord, IsTheProcesssOwnWhereNobodyHasLaunchedIt) {
  for (const std::string path : {"", "/proc/1/fd/0", "/dev/null", "/nowhere"}) {
    EXPECT_TRUE(in_a_process([&path] {
      FlightRecorder& recorder = FlightRecorder::of_process();
      recorder.attach({.path = path, .local_rank = 3, .rank = 3, .world_size = 4});
      recorder.begin({.number = 9});
      const auto memory = FlightMemory::of_process(getpid());
      const FlightSnapshot snapshot = memory->read();
      return memory->is_held_by(getpid()) && snapshot.ranks.size() == 1 &&
             snapshot.ranks[0].rank == 3 && snapshot.world_size == 4 &&
             snapshot.ranks[0].count == 1;
    })) << path;
  }
}

TEST(FlightRecord, IsDoneWithoutWhereTheSystemHasNoMemoryForIt) {
  EXPECT_TRUE(in_a_process([] {
    const rlimit small = {.rlim_cur = 4096, .rlim_max = 4096};
    setrlimit(RLIMIT_FSIZE, &small);
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({});
    return !recorder.begin({}).has_value();
  }));
}

TEST(FlightRecord, IsNotWrittenOutsideOfItsRanks) {
  const FlightMemory memory = new_memory(2);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path(), .local_rank = 2});
    return FlightMemory::of_process(getpid()).ok() && recorder.begin({}).has_value();
  }));
  for (const RankRecord& rank : memory.read().ranks) EXPECT_EQ(rank.count, 0u);
}

TEST(FlightRecord, SaysWhyAProcessHasNone) {
  EXPECT_TRUE(absl::IsNotFound(FlightMemory::of_process(0x7fffffff).status()));
  const absl::Status status = FlightMemory::of_process(getpid()).status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("keeps no record of collectives: neither a run of one process"));
}

TEST(PlaceScope, IsThatOfTheProgramAndNotOfWhatTheLibraryCalls) {
  const FlightMemory memory = new_memory(1);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path()});
    {
      const PlaceScope outer("a_name_that_is_longer_than_its_room",
                             std::source_location::current());
      const PlaceScope inner("inner", std::source_location::current());
      recorder.begin({});
    }
    recorder.begin({});
    return true;
  }));
  const FlightSnapshot snapshot = memory.read();
  EXPECT_EQ(snapshot.ranks[0].collectives[0].facts.place(), "");
  EXPECT_THAT(snapshot.ranks[0].collectives[1].facts.place(),
              HasSubstr("`a_name_that_is_longer_t` (flight_record_test.cc:"));
}

TEST(LongOperation, IsTheOuterOneOfTwo) {
  const FlightMemory memory = new_memory(1);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder::of_process().attach({.path = memory.path()});
    const auto name = [&memory] {
      const auto operation = memory.read().ranks[0].operation;
      return operation.has_value() ? operation->name : "";
    };
    bool is_right = true;
    {
      const LongOperation outer("saving");
      {
        const LongOperation inner(std::string(100, 'x').c_str());
        is_right = is_right && name() == "saving";
      }
      is_right = is_right && name() == "saving";
    }
    is_right = is_right && name().empty();
    const LongOperation next(std::string(100, 'x').c_str());
    return is_right && name() == std::string(47, 'x');
  }));
}

// All that is written says the same number, so that half an entry would show.
CollectiveFacts facts_with(std::uint64_t number) {
  CollectiveFacts facts = {.number = number,
                           .num_elements = static_cast<std::int64_t>(number),
                           .tag = static_cast<std::int64_t>(number),
                           .communicator_id = number};
  facts.sizes.fill(static_cast<std::int64_t>(number));
  return facts;
}

TEST(FlightRecord, HasNoHalfEntriesWhileOthersRead) {
  const FlightMemory memory = new_memory(1);
  const pid_t writer = fork();
  if (writer == 0) {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path()});
    for (std::uint64_t number = 0;; ++number) {
      const FlightTicket ticket = recorder.begin(facts_with(number));
      recorder.wait(ticket);
      recorder.end(ticket);
    }
  }
  std::size_t seen = 0;
  for (int look = 0; look < 2000 || seen == 0; ++look) {
    const FlightSnapshot snapshot = memory.read();
    for (const NotedCollective& each : snapshot.ranks[0].collectives) {
      const std::uint64_t number = each.facts.number;
      EXPECT_EQ(number, each.ticket);
      CollectiveFacts expected = facts_with(number);
      expected.begun = each.facts.begun;
      EXPECT_EQ(std::memcmp(&expected, &each.facts, sizeof(expected)), 0);
      ++seen;
    }
  }
  kill(writer, SIGKILL);
  waitpid(writer, nullptr, 0);
}

TEST(FlightRecord, IsFitForSeveralThreads) {
  const FlightMemory memory = new_memory(1);
  EXPECT_TRUE(in_a_process([&] {
    FlightRecorder& recorder = FlightRecorder::of_process();
    recorder.attach({.path = memory.path()});
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&recorder] {
        for (std::uint64_t number = 0; number < 200; ++number)
          recorder.end(recorder.begin(facts_with(number)));
      });
    }
    for (std::thread& thread : threads) thread.join();
    return true;
  }));
  const FlightSnapshot snapshot = memory.read();
  EXPECT_EQ(snapshot.ranks[0].count, 800u);
  ASSERT_THAT(snapshot.ranks[0].collectives, SizeIs(800));
  for (const NotedCollective& each : snapshot.ranks[0].collectives) EXPECT_NE(each.ended, 0u);
}

// ---- Contents that nobody of ours has written

// Memory as a file's, with what is behind it out of reach.
class Pages {
 public:
  explicit Pages(std::size_t size) : size_(size) {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (size + page - 1) / page * page + page;
    data_ = static_cast<char*>(
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(data_ + mapped_ - page, page, PROT_NONE);
  }
  ~Pages() { munmap(data_, mapped_); }
  char* data() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_, mapped_;
  char* data_;
};

// All that is done with a record.
void use(const FlightSnapshot& snapshot) {
  FlightView view = {.now = snapshot.now, .world_size = snapshot.world_size};
  for (const RankRecord& record : snapshot.ranks) view.ranks.push_back({record, 'S', {}});
  EXPECT_THAT(flight_report(view, {}), HasSubstr("Where the processes of this machine were"));
  HangWatch(std::chrono::seconds(1)).is_new_hang(snapshot);
}

TEST(FlightRecord, OfAnyContentsDoesNoHarm) {
  std::mt19937_64 random(1);
  constexpr std::size_t kRanks = 3;
  const Pages pages(flight::memory_size(kRanks));
  for (int round = 0; round < 40; ++round) {
    for (std::size_t i = 0; i + 8 <= pages.size(); i += 8) {
      const std::uint64_t word = random() >> (random() % 64);
      std::memcpy(pages.data() + i, &word, 8);
    }
    use(read_flight_record(pages.data(), pages.size()).value_or(FlightSnapshot()));
    new (pages.data()) flight::Header{.num_ranks = kRanks, .world_size = 4};
    for (std::size_t rank = 0; rank < kRanks; ++rank) {
      flight::RankBlock& block = *flight::block_in(static_cast<void*>(pages.data()), rank);
      if (round % 2 == 0) block.next_ticket = random() % 2000;
      // Entries that seem to be whole.
      const std::uint64_t count = block.next_ticket;
      for (std::uint64_t back = 1; back <= std::min<std::uint64_t>(count, 1024); ++back)
        block.slots[(count - back) % 1024].sequence = 2 * (count - back) + 2;
    }
    const auto snapshot = read_flight_record(pages.data(), pages.size());
    ASSERT_TRUE(snapshot.has_value());
    use(*snapshot);
  }
}

TEST(FlightRecord, IsNoneWhereTheHeaderLies) {
  const Pages pages(flight::memory_size(2));
  auto* header = new (pages.data()) flight::Header{.num_ranks = 2, .world_size = 2};
  EXPECT_TRUE(read_flight_record(pages.data(), pages.size()).has_value());
  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, flight::memory_size(1)})
    EXPECT_FALSE(read_flight_record(pages.data(), size).has_value());
  for (const std::uint32_t lie : {0u, 1u, 3u, 1'000'001u, 0xffffffffu}) {
    header->num_ranks = lie;
    EXPECT_FALSE(read_flight_record(pages.data(), pages.size()).has_value());
  }
}

}  // namespace
}  // namespace accelerate::launcher
