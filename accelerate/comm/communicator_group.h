// What a Communicator of several processes holds.
//
// Part of the Communicator; not for others.
#pragma once

#include <c10/util/Exception.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "accelerate/comm/backend.h"
#include "accelerate/comm/collective_error.h"
#include "accelerate/comm/collective_notes.h"
#include "accelerate/comm/communicator.h"
#include "accelerate/comm/store/door.h"

namespace accelerate {

// The number of the next communicator of this process that is not all of its run: all ranks make
// theirs in one order.
uint32_t next_communicator();

struct Communicator::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> backend;
  c10::Device device;
  std::chrono::milliseconds timeout;
  // How it was made; none for a backend of the caller's.
  std::optional<internal::BackendOptions> options = std::nullopt;
  // On rank 0: nobody else gets into the store while the run goes on.
  std::shared_ptr<internal::ClosedDoor> door = nullptr;
  // How often it has been split.
  int64_t splits = 0;
  // How flight records call it: the same on all of its ranks, and in this process alone.
  uint64_t id = 0;
  uint32_t number = 0;
  // Collectives so far.
  uint64_t begun = 0;

  // The backend, where it is one of this project's own.
  internal::OwnBackend* own_backend = dynamic_cast<internal::OwnBackend*>(backend.get());
  // Whether a mean is one collective: Gloo has none.
  bool averages = own_backend != nullptr || device.is_cuda();

  // How messages call this rank, so that nobody takes it for one of the whole run. The backend
  // names others by their ranks in the run.
  std::string own_name() const {
    const int rank = backend->getRank();
    const std::string of_all = std::to_string(rank) + " of " + std::to_string(backend->getSize());
    if (!options || options->run_ranks.empty()) return "rank " + of_all;
    return "rank " + std::to_string(options->run_ranks.at(rank)) + " of the run (" + of_all +
           " in communicator " + std::to_string(number) + ")";
  }

  // That its next collective begins.
  launcher::FlightTicket note_begin(launcher::CollectiveKind kind, const at::Tensor& given,
                                    int64_t tag) {
    return internal::note_begin({.number = ++begun,
                                 .tag = tag,
                                 .communicator_id = id,
                                 .communicator = number,
                                 .num_ranks = static_cast<uint32_t>(backend->getSize()),
                                 .kind = kind,
                                 .is_on_gpu = device.is_cuda()},
                                given);
  }

  // Calls the function, and turns what it throws into an error that says what to do.
  template <class Function>
  void guard(const char* name, Function&& function) const {
    std::string reason;
    try {
      function();
      return;
    } catch (const internal::CollectiveError& error) {
      TORCH_CHECK(false, name, " failed on ", own_name(), ": ", error.what());
    } catch (const c10::Error& error) {
      reason = error.what_without_backtrace();
    } catch (const std::exception& error) {
      reason = error.what();
    }
    TORCH_CHECK(false, name, " failed on ", own_name(), ": ", reason.substr(0, reason.find('\n')),
                "; a peer has ended, or did not take part within ",
                std::chrono::duration_cast<std::chrono::seconds>(timeout).count(),
                " s: look at what the other ranks wrote, and at process_group.timeout");
  }
};

}  // namespace accelerate
