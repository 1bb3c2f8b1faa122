// Sends each rank its batch of each round that rank 0 reads.
//
// Part of the DataLoader; not for others.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accelerate/comm/communicator.h"
#include "accelerate/data/batch_reader.h"
#include "accelerate/data/read_error.h"
#include "accelerate/nested/serialized.h"

namespace accelerate::internal {

// What all ranks learn about a round before they receive their batches.
struct DispatchedRound {
  // Why the round could not be read; empty if it was.
  std::string failure;
  bool is_out_of_memory = false;
  bool is_end = false;
  bool is_last = false;
  int64_t consumed = 0;
  std::map<std::string, StateValue> stream;
  // The size of each rank's batch in bytes; 0 for a rank that has none.
  std::vector<uint64_t> sizes;
};

// What all ranks learn instead of a round that could not be read.
DispatchedRound failed_round(const std::exception_ptr& failure);

// Returns rank 0's round on every rank, and stores in `own` the bytes of this rank's batch.
// Collective.
DispatchedRound exchange_round(Communicator& communicator, const DispatchedRound& round,
                               const std::vector<std::string>& batches, std::string& own);

template <class Batch>
class Dispatch {
 public:
  explicit Dispatch(std::shared_ptr<Communicator> communicator)
      : communicator_(std::move(communicator)) {}

  // The next round, with only this rank's batch; std::nullopt at the end. Only rank 0 calls the
  // function. If that throws, throws ReadError on all ranks.
  template <class Read>
  std::optional<Round<Batch>> next(Read&& read) {
    DispatchedRound told;
    std::vector<std::string> batches;
    std::exception_ptr failure;
    if (communicator_->rank() == 0) {
      try {
        tell(read(), told, batches);
      } catch (...) {
        // The other ranks wait, and must learn of it.
        failure = std::current_exception();
        told = failed_round(failure);
        batches.clear();
      }
    }
    std::string own;
    told = exchange_round(*communicator_, told, batches, own);
    if (failure) std::rethrow_exception(failure);
    if (!told.failure.empty()) {
      const std::string message = "on rank 0, which reads for all: " + told.failure;
      TORCH_CHECK_WITH(OutOfMemoryError, !told.is_out_of_memory, message);
      throw ReadError(message);
    }
    if (told.is_end) return std::nullopt;

    Round<Batch> round;
    round.is_last = told.is_last;
    round.consumed = told.consumed;
    for (auto& [name, value] : told.stream) round.stream.set(name, std::move(value));
    round.batches.emplace_back();
    if (!own.empty()) {
      auto [progress, batch] = from_bytes_if_possible<std::pair<LoaderProgress, Batch>>(own);
      round.batches.back().emplace(FetchedBatch<Batch>{std::move(batch), progress});
    }
    return round;
  }

 private:
  static void tell(std::optional<Round<Batch>> round, DispatchedRound& told,
                   std::vector<std::string>& batches) {
    told.is_end = !round.has_value();
    if (told.is_end) return;
    told.is_last = round->is_last;
    told.consumed = round->consumed;
    told.stream = round->stream.values();
    for (auto& batch : round->batches) {
      batches.push_back(batch ? to_bytes_if_possible(std::pair<LoaderProgress, Batch>(
                                    batch->progress, std::move(batch->batch)))
                              : std::string());
      told.sizes.push_back(batches.back().size());
    }
  }

  std::shared_ptr<Communicator> communicator_;
};

}  // namespace accelerate::internal
