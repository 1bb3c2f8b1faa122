// Writes one checkpoint in a separate thread, together with the other processes that write to the
// same folder.
//
// The processes meet in the unfinished folder, so that no training waits. Each has a file there
// (`part-3`) that is created empty before the threads begin. When a process has written its share,
// its file gets the checksums; if the process fails, it removes the file. The leader waits for all
// of them, writes the commit file and gives the folder its name.
//
// Part of the checkpoints; not for others.
#pragma once

#include <ATen/core/Tensor.h>

#include <atomic>
#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "accelerate/checkpoint/contents.h"
#include "accelerate/checkpoint/share_writer.h"
#include "accelerate/device/device_moment.h"
#include "formats/checkpoints/commit.h"

namespace accelerate::internal {

struct SavePlan {
  // The final path of the checkpoint, and its path until then.
  std::string path;
  std::string unfinished;
  Contents contents;
  // The ranks that write to the folder, the leader first, and this process's index among them.
  std::vector<int> writers = {0};
  int member = 0;
  // The commit, without the list of files.
  checkpoints::Commit commit;
  // The folder of the checkpoints, and how many of them are kept once this one is complete; 0 keeps
  // all.
  std::string folder = {};
  int64_t keep = 0;
  // Whether the leader removes the others itself. Not if there are several leaders: a checkpoint
  // may only be removed when the newest one is complete on all machines.
  bool prunes = true;
};

// Replaces each tensor of the contents that is cut over the ranks by the whole tensor if this
// process writes some of it. Collective.
void gather_cut_tensors(Communicator& communicator, SavePlan& plan);

// The file in the unfinished folder with which a rank reports that it is done.
std::string part_path(const std::string& unfinished, int rank);

class SaveJob {
 public:
  // With `copies`, or if tensors are on a device, copies this process's share into `buffer`, which
  // keeps the memory for the next time, and writes the copy. Copies from a device are only queued
  // when the constructor returns, and the thread waits for them; what is launched on the current
  // stream from then on may change the tensors. Without a copy, the tensors must not change before
  // written() returns.
  SaveJob(SavePlan plan, bool copies, at::Tensor& buffer);
  SaveJob(const SaveJob&) = delete;
  SaveJob& operator=(const SaveJob&) = delete;
  // Waits until the job ends, but does not wait long for a process that makes no progress.
  ~SaveJob();

  // Waits until this process has written its share.
  absl::Status written();
  // Waits until the whole checkpoint is complete. Only for the leader, which otherwise calls
  // cancel().
  absl::Status committed();
  // Removes the oldest checkpoints of the folder until `keep` are left. Warns if that fails.
  void prune() const;
  // Makes a leader stop waiting for other processes, which will not report.
  void cancel() { is_cancelled_ = true; }

  // Tells the job that the program is about to end: from now on, it does not wait long for a
  // process that makes no progress.
  void leave() { is_left_ = true; }

  bool leads() const { return plan_.member == 0; }
  const SavePlan& plan() const { return plan_; }

 private:
  void run();
  // Begins the copy. Throws c10::Error if there is no memory for it.
  void copy_share(const std::unordered_set<c10::Device>& devices, at::Tensor& buffer);
  // Releases the tensors: the copy is written without them.
  void forget_tensors();
  absl::StatusOr<WrittenShare> write();
  absl::Status commit(const absl::StatusOr<WrittenShare>& own);
  absl::StatusOr<WrittenShare> wait_for(int rank);

  SavePlan plan_;
  std::vector<Piece> pieces_;
  // Null if the tensors themselves are written.
  const char* copy_ = nullptr;
  // The moments at which the copies from the devices are complete.
  std::vector<DeviceMoment> arrivals_;
  std::atomic<bool> is_cancelled_ = false, is_left_ = false;
  std::promise<absl::Status> written_, committed_;
  std::shared_future<absl::Status> written_there_, committed_there_;
  std::thread thread_;
};

}  // namespace accelerate::internal
