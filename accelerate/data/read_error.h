// What a loader throws if its data cannot be read. The message says which sample it was, which
// worker read it, and why.
//
//   try {
//     for (auto& batch : loader) train(batch);
//   } catch (const accelerate::ReadError& error) {
//     std::cerr << error.what();   // sample 17 could not be read by worker 1: it has no label
//   }
//
// The data set's own exception is nested in it (std::rethrow_if_nested). Out-of-memory exceptions
// are passed on unchanged.
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

// "sample 17 could not be read by worker 1: "; names no worker if `worker` is -1.
std::string describe_samples(const std::vector<size_t>& samples, int worker);
std::string describe_element(int64_t number);
std::string message_of(const std::exception& error);

// Returns what `read` returns. If that throws, throws a ReadError whose message begins with what
// `describe` returns.
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
