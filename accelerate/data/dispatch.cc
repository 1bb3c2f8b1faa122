#include "accelerate/data/dispatch.h"

#include <new>
#include <numeric>

namespace accelerate::internal {

DispatchedRound failed_round(const std::exception_ptr& failure) {
  DispatchedRound round;
  round.failure = "an exception of an unknown type";
  try {
    std::rethrow_exception(failure);
  } catch (const c10::OutOfMemoryError& error) {
    round.failure = message_of(error);
    round.is_out_of_memory = true;
  } catch (const std::bad_alloc& error) {
    round.failure = error.what();
    round.is_out_of_memory = true;
  } catch (const std::exception& error) {
    round.failure = message_of(error);
  } catch (...) {
  }
  return round;
}

DispatchedRound exchange_round(Communicator& communicator, const DispatchedRound& round,
                               const std::vector<std::string>& batches, std::string& own) {
  std::string message;
  if (communicator.rank() == 0) {
    const std::string head = to_bytes(round);
    message = to_bytes(static_cast<uint64_t>(head.size())) + head;
    message.reserve(std::accumulate(round.sizes.begin(), round.sizes.end(), message.size()));
    for (const std::string& batch : batches) message += batch;
  }
  message = communicator.broadcast_bytes(message, /*root=*/0);

  std::string_view rest = message;
  const size_t length_size = to_bytes(uint64_t{0}).size();
  const auto head_size = from_bytes<uint64_t>(rest.substr(0, length_size));
  rest.remove_prefix(length_size);
  DispatchedRound told = from_bytes<DispatchedRound>(rest.substr(0, head_size));
  rest.remove_prefix(head_size);
  for (int rank = 0; rank < static_cast<int>(told.sizes.size()); ++rank) {
    if (rank == communicator.rank()) own = rest.substr(0, told.sizes[rank]);
    rest.remove_prefix(told.sizes[rank]);
  }
  return told;
}

}  // namespace accelerate::internal
