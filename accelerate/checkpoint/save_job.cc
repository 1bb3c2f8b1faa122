#include "accelerate/checkpoint/save_job.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/checkpoints/checkpoint_folder.h"

namespace accelerate::internal {
namespace {

using Clock = std::chrono::steady_clock;

// How often the leader looks, and how long somebody who has left the program waits for another
// process that writes nothing more.
constexpr auto kFirstPause = std::chrono::microseconds(200);
constexpr auto kLongestPause = std::chrono::milliseconds(20);
constexpr auto kPatienceAtEnd = std::chrono::seconds(60);
constexpr auto kPatienceWithFileSystem = std::chrono::seconds(1);

// A thread that has no business with the program's signals. Also with SIGXFSZ, which would end the
// program where a limit of the file's size is a plain error.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

// Of the device, pinned memory is quicker to copy to.
void make_room(at::Tensor& buffer, uint64_t size, bool pinned) {
  if (buffer.defined() && static_cast<uint64_t>(buffer.numel()) >= size &&
      buffer.is_pinned() == pinned)
    return;
  buffer = at::Tensor();
  buffer =
      at::empty({static_cast<int64_t>(size)}, at::TensorOptions(at::kByte).pinned_memory(pinned));
}

std::string reason_of(const std::exception& error) {
  const auto* const by_libtorch = dynamic_cast<const c10::Error*>(&error);
  return by_libtorch != nullptr ? by_libtorch->what_without_backtrace() : error.what();
}

// Of a program that ends by exit(), which destroys nobody who could wait for them.
std::mutex mutex_of_jobs;
std::set<SaveJob*> jobs;

void finish_all() {
  const std::lock_guard lock(mutex_of_jobs);
  for (SaveJob* job : jobs) {
    job->leave();
    const absl::Status status = job->leads() ? job->committed() : job->written();
    if (!status.ok())
      std::fprintf(stderr, "error: saving %s failed: %s\n", job->plan().path.c_str(),
                   std::string(status.message()).c_str());
  }
}

void finish_at_exit(SaveJob* job) {
  const std::lock_guard lock(mutex_of_jobs);
  static const bool is_registered = std::atexit(finish_all) == 0;
  (void)is_registered;
  jobs.insert(job);
}

void forget(SaveJob* job) {
  const std::lock_guard lock(mutex_of_jobs);
  jobs.erase(job);
}

}  // namespace

std::string part_path(const std::string& unfinished, int rank) {
  return absl::StrCat(unfinished, "/part-", rank);
}

void gather_cut_tensors(Communicator& communicator, SavePlan& plan) {
  c10::AutoGradMode no_grad(false);
  const std::vector<Piece> own =
      share_of(plan.contents, plan.member, static_cast<int>(plan.writers.size()));
  for (size_t i = 0; i < plan.contents.size(); ++i) {
    Piece written{.file = i, .offset = 0, .size = 0};
    for (const Piece& piece : own) {
      if (piece.file == i) written = piece;
    }
    plan.contents[i].gather_cut_tensors(communicator, written.offset, written.size);
  }
}

SaveJob::SaveJob(SavePlan plan, bool copies, at::Tensor& buffer)
    : plan_(std::move(plan)),
      pieces_(share_of(plan_.contents, plan_.member, static_cast<int>(plan_.writers.size()))),
      written_there_(written_.get_future()),
      committed_there_(committed_.get_future()) {
  std::unordered_set<c10::Device> devices;
  for (const FileContents& file : plan_.contents) file.add_devices(devices);
  if (copies || !devices.empty()) copy_share(devices, buffer);
  finish_at_exit(this);
  const NoSignals no_signals;
  thread_ = std::thread([this] { run(); });
}

SaveJob::~SaveJob() {
  leave();
  thread_.join();
  forget(this);
}

void SaveJob::copy_share(const std::unordered_set<c10::Device>& devices, at::Tensor& buffer) {
  c10::AutoGradMode no_grad(false);
  uint64_t size = 0;
  for (const Piece& piece : pieces_) size += piece.size;
  make_room(buffer, size, /*pinned=*/!devices.empty());
  copy_ = static_cast<const char*>(buffer.const_data_ptr());
  int64_t done = 0;
  for (const Piece& piece : pieces_) {
    const auto count = static_cast<int64_t>(piece.size);
    plan_.contents[piece.file].begin_read(piece.offset, buffer.narrow(0, done, count));
    done += count;
  }
  for (const c10::Device device : devices) arrivals_.emplace_back(device);
  // Others may free their memory, or use it anew; what comes from a device is let go of when it has
  // come.
  if (devices.empty()) forget_tensors();
}

void SaveJob::forget_tensors() {
  for (FileContents& file : plan_.contents) file.forget_tensors();
}

void SaveJob::run() {
  absl::StatusOr<WrittenShare> own = absl::UnknownError("");
  try {
    own = write();
  } catch (const std::exception& error) {
    own = absl::InternalError(
        absl::StrCat("cannot write ", plan_.unfinished, ": ", reason_of(error)));
    ::unlink(part_path(plan_.unfinished, plan_.writers[plan_.member]).c_str());
  }
  written_.set_value(own.status());
  absl::Status status;
  try {
    status = commit(own);
  } catch (const std::exception& error) {
    status =
        absl::InternalError(absl::StrCat("cannot finish ", plan_.path, ": ", reason_of(error)));
  }
  committed_.set_value(status);
}

absl::StatusOr<WrittenShare> SaveJob::write() {
  for (const DeviceMoment& arrival : arrivals_) arrival.wait();
  if (!arrivals_.empty()) forget_tensors();
  absl::StatusOr<WrittenShare> share =
      write_share(plan_.contents, pieces_, plan_.unfinished, copy_);
  if (plan_.writers.size() == 1) return share;
  // The leader needs none, but its folder is to look alike for all.
  const std::string path = part_path(plan_.unfinished, plan_.writers[plan_.member]);
  if (share.ok()) {
    // In one moment, so that nobody reads a part of it.
    const std::string aside = path + ".new";
    std::ofstream out(aside, std::ios::binary);
    out << share_text(*share) << std::flush;
    const bool is_there = out.good();
    out.close();
    if (is_there && std::rename(aside.c_str(), path.c_str()) == 0) return share;
    const char* why = std::strerror(errno);
    share = absl::ResourceExhaustedError(
        absl::StrCat("cannot write ", path, ": ", why,
                     "; make room, or make sure that the folder can be written to"));
    ::unlink(aside.c_str());
  }
  // Needs no room, and tells the leader.
  ::unlink(path.c_str());
  return share;
}

absl::StatusOr<WrittenShare> SaveJob::wait_for(int rank) {
  const std::string path = part_path(plan_.unfinished, rank);
  std::optional<Clock::time_point> end, missing_since;
  for (auto pause = std::chrono::microseconds(kFirstPause);;
       pause = std::min<std::chrono::microseconds>(2 * pause, kLongestPause)) {
    struct stat facts = {};
    if (::stat(path.c_str(), &facts) != 0) {
      // A network's file system may lose sight of it while it gets its content.
      if (!missing_since) missing_since = Clock::now();
      if (Clock::now() - *missing_since > kPatienceWithFileSystem)
        return absl::AbortedError(absl::StrCat("rank ", rank, " could not write its share"));
    } else if (facts.st_size > 0) {
      std::ifstream in(path, std::ios::binary);
      return parse_share({std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
    }
    if (is_left_ && !end) end = Clock::now() + kPatienceAtEnd;
    if (is_cancelled_ || (end && Clock::now() > *end))
      return absl::AbortedError(absl::StrCat("rank ", rank, " has not written its share"));
    std::this_thread::sleep_for(pause);
  }
}

absl::Status SaveJob::commit(const absl::StatusOr<WrittenShare>& own) {
  if (!leads()) return absl::OkStatus();
  if (!own.ok()) return own.status();
  std::vector<WrittenShare> shares = {*own};
  for (size_t i = 1; i < plan_.writers.size(); ++i) {
    absl::StatusOr<WrittenShare> share = wait_for(plan_.writers[i]);
    if (!share.ok()) return share.status();
    shares.push_back(*std::move(share));
  }
  for (const int rank : plan_.writers) ::unlink(part_path(plan_.unfinished, rank).c_str());
  plan_.commit.files = files_of(plan_.contents, shares);
  absl::Status status = checkpoints::write_commit(plan_.unfinished, plan_.commit);
  if (status.ok()) status = checkpoints::publish(plan_.unfinished, plan_.path);
  if (status.ok() && plan_.prunes) prune();
  return status;
}

void SaveJob::prune() const {
  if (plan_.keep == 0) return;
  const absl::Status status = checkpoints::keep_newest(plan_.folder, plan_.keep);
  // The new one is safe all the same.
  if (!status.ok()) TORCH_WARN("some old checkpoints could not be removed: ", status.message());
}

absl::Status SaveJob::written() { return written_there_.get(); }

absl::Status SaveJob::committed() { return committed_there_.get(); }

}  // namespace accelerate::internal
