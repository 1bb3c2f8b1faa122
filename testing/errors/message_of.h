// The message of a call that must fail.
//
// Example:
//   EXPECT_THAT(message_of([&] { optimizer.step(); }), HasSubstr("call backward first"));
//
// Not for errors that end the process.
#pragma once

#include <c10/util/Exception.h>

#include <exception>
#include <string>

namespace accelerate {

// The message of the exception that `function` throws, or "no error".
template <class Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace accelerate
