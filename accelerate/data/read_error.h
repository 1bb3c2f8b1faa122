// What a loader throws when its data cannot be read: which sample it was, who read it, and why.
//
//   try {
//     for (auto& batch : loader) train(batch);
//   } catch (const accelerate::ReadError& error) {
//     std::cerr << error.what();   // sample 17 could not be read by worker 1: it has no label
//   }
//
// The exception of the data set is nested in it (std::rethrow_if_nested). Being out of memory is
// passed on as it is.
#pragma once

#include <c10/util/Exception.h>

#include <cstdint>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace accelerate {

struct ReadError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace internal {

// "sample 17 could not be read by worker 1: "; without a worker where that is -1.
std::string describe_samples(const std::vector<size_t>& samples, int worker);
std::string describe_element(int64_t number);
std::string message_of(const std::exception& error);

// What `read` returns; what it throws comes with what `describe` says before.
template <class Read, class Describe>
auto guarded_read(Read&& read, Describe&& describe) {
  try {
    return read();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const c10::OutOfMemoryError&) {
    throw;
  } catch (const std::exception& error) {
    std::throw_with_nested(ReadError(describe() + message_of(error)));
  }
}

}  // namespace internal
}  // namespace accelerate
