// Writes one checkpoint in a thread of its own, together with the other processes that write to the
// same folder.
//
// The processes meet in the unfinished folder, so that nobody's training waits: each has a file
// there (`part-3`), made empty before the threads begin, which gets the checksums of what it has
// written, or vanishes where it failed. The leader waits for all of them, writes the commit file
// and gives the folder its name.
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
  // Where it is to be in the end, and where it is until then.
  std::string path;
  std::string unfinished;
  Contents contents;
  // The ranks that write there, the leader first, and the place of this process among them.
  std::vector<int> writers = {0};
  int member = 0;
  // Without its files.
  checkpoints::Commit commit;
  // Of which folder how many checkpoints stay when this one is there; 0 for all.
  std::string folder = {};
  int64_t keep = 0;
  // Whether the leader removes the others itself. Not where several leaders write: a checkpoint
  // goes when the newest is there on all machines.
  bool prunes = true;
};

// Puts the whole in the place of what is cut over the ranks in the contents, where this process
// writes some of it. Collective.
void gather_cut_tensors(Communicator& communicator, SavePlan& plan);

// The file in the unfinished folder by which a rank says that it is done.
std::string part_path(const std::string& unfinished, int rank);

class SaveJob {
 public:
  // With `copies`, copies this process's share into memory that `buffer` keeps for the next time,
  // and writes the copy, as it does where tensors are on a device. Of these the copies are in the
  // device's queue when it returns, and the thread waits for them; what is launched on the current
  // stream from then on may change the tensors. Without a copy they must not change before
  // written() has returned.
  SaveJob(SavePlan plan, bool copies, at::Tensor& buffer);
  SaveJob(const SaveJob&) = delete;
  SaveJob& operator=(const SaveJob&) = delete;
  // Waits for committed(), but for no other process that does not get on.
  ~SaveJob();

  // Waits until this process has written its share.
  absl::Status written();
  // Waits until all of the checkpoint is there; only for the leader, who otherwise cancels.
  absl::Status committed();
  // Removes the checkpoints of the folder that are too many; what goes wrong is a warning.
  void prune() const;
  // Lets a leader stop waiting for others, who will not come.
  void cancel() { is_cancelled_ = true; }

  // The process ends: from now on nobody is waited for who does not get on.
  void leave() { is_left_ = true; }

  bool leads() const { return plan_.member == 0; }
  const SavePlan& plan() const { return plan_; }

 private:
  void run();
  // Begins the copy. Throws c10::Error where there is no memory for it.
  void copy_share(const std::unordered_set<c10::Device>& devices, at::Tensor& buffer);
  // What the copy holds is written without them.
  void forget_tensors();
  absl::StatusOr<WrittenShare> write();
  absl::Status commit(const absl::StatusOr<WrittenShare>& own);
  absl::StatusOr<WrittenShare> wait_for(int rank);

  SavePlan plan_;
  std::vector<Piece> pieces_;
  // Null where the tensors themselves are written.
  const char* copy_ = nullptr;
  // When it is there.
  std::vector<DeviceMoment> arrivals_;
  std::atomic<bool> is_cancelled_ = false, is_left_ = false;
  std::promise<absl::Status> written_, committed_;
  std::shared_future<absl::Status> written_there_, committed_there_;
  std::thread thread_;
};

}  // namespace accelerate::internal
