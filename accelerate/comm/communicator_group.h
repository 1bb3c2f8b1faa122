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

// Numbers the communicators of this process that have only some of the run's ranks. Returns the
// next number; all ranks create theirs in the same order.
uint32_t next_communicator();

struct Communicator::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::Backend> backend;
  c10::Device device;
  std::chrono::milliseconds timeout;
  // How the backend was made; none for the caller's own backend.
  std::optional<internal::BackendOptions> options = std::nullopt;
  // On rank 0: keeps everybody else out of the store during the run.
  std::shared_ptr<internal::ClosedDoor> door = nullptr;
  // How often the communicator has been split.
  int64_t splits = 0;
  // What flight records call it: `id` is the same on all of its ranks; `number` counts within this
  // process.
  uint64_t id = 0;
  uint32_t number = 0;
  // Collectives so far.
  uint64_t begun = 0;

  // The backend, if it is one of this project's own.
  internal::OwnBackend* own_backend = dynamic_cast<internal::OwnBackend*>(backend.get());
  // Whether a mean is one collective: Gloo has none.
  bool averages = own_backend != nullptr || device.is_cuda();

  // What messages call this rank, so that nobody mistakes its number here for its rank in the run.
  // The backend calls the others by their ranks in the run.
  std::string own_name() const {
    const int rank = backend->getRank();
    const std::string of_all = std::to_string(rank) + " of " + std::to_string(backend->getSize());
    if (!options || options->run_ranks.empty()) return "rank " + of_all;
    return "rank " + std::to_string(options->run_ranks.at(rank)) + " of the run (" + of_all +
           " in communicator " + std::to_string(number) + ")";
  }

  // Notes in the flight record that the next collective begins.
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

  // Calls the function, and turns any exception into an error that says what to do.
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
