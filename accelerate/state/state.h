// The state of a part of a run, as named values: tensors, numbers and texts. Code that stores or
// sends the state of a run needs to know nothing else about its parts.
//
//   State state;
//   state.set("scale", 65536.0);
//   state.set("steps", int64_t{100});
//   const double scale = state.number("scale");
//
// A tensor is held, not copied: you read the values that it has at that time. Not for values that
// only live within a step. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <variant>

namespace accelerate {

// The end of the name of a value that holds bytes in LibTorch's format (torch::save()). They
// contain addresses, so they differ between ranks with equal objects.
inline constexpr const char* kArchiveName = "libtorch_archive";

using StateValue = std::variant<at::Tensor, int64_t, double, std::string>;

class State {
 public:
  // Replaces a value of the same name.
  void set(const std::string& name, StateValue value) {
    values_.insert_or_assign(name, std::move(value));
  }

  // set_all() adds the values of another state, with `prefix` and a dot before their names; part()
  // returns the values whose names begin so, without the prefix.
  void set_all(const std::string& prefix, const State& other);
  State part(const std::string& prefix) const;

  // In the order of their names.
  const std::map<std::string, StateValue>& values() const { return values_; }
  bool contains(const std::string& name) const { return values_.contains(name); }

  // Each throws c10::Error, with the name, if there is no such value or it has another kind.
  const at::Tensor& tensor(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  // An integer from 0 to 2^53, so that sums of a few of them do not overflow.
  int64_t count(const std::string& name) const;
  double number(const std::string& name) const;
  const std::string& text(const std::string& name) const;

 private:
  template <class Value>
  const Value& get(const std::string& name, const char* kind) const;

  std::map<std::string, StateValue> values_;
};

// The same values, with copies of the tensors.
State cloned(const State& state);

// Writes one line with the values in the order of their names; for a tensor, its shape.
std::ostream& operator<<(std::ostream& out, const State& state);

}  // namespace accelerate
