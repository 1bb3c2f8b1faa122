// What a part of a run goes on from, as values with names: tensors, numbers and texts. Whoever
// stores or sends the state of a run needs to know no more of its parts.
//
//   State state;
//   state.set("scale", 65536.0);
//   state.set("steps", int64_t{100});
//   const double scale = state.number("scale");
//
// A tensor is held and not copied: it has the values that it has when it is read. Not for what only
// lasts within a step. Not thread-safe.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <utility>
#include <variant>

namespace accelerate {

// The name of bytes in LibTorch's form (torch::save()), at the end of a value's name. They hold
// addresses, and so differ between ranks that have the same.
inline constexpr const char* kArchiveName = "libtorch_archive";

using StateValue = std::variant<at::Tensor, int64_t, double, std::string>;

class State {
 public:
  // Takes the place of what has the name.
  void set(const std::string& name, StateValue value) {
    values_.insert_or_assign(name, std::move(value));
  }

  // The values of another state, with `prefix` and a dot before their names; and those whose names
  // begin so, without it.
  void set_all(const std::string& prefix, const State& other);
  State part(const std::string& prefix) const;

  // In the order of their names.
  const std::map<std::string, StateValue>& values() const { return values_; }
  bool contains(const std::string& name) const { return values_.contains(name); }

  // Each throws c10::Error, with the name, where there is no such value, or one of another kind.
  const at::Tensor& tensor(const std::string& name) const;
  int64_t integer(const std::string& name) const;
  // An integer from 0 to 2^53, so that sums of some of them are right.
  int64_t count(const std::string& name) const;
  double number(const std::string& name) const;
  const std::string& text(const std::string& name) const;

 private:
  template <class Value>
  const Value& get(const std::string& name, const char* kind) const;

  std::map<std::string, StateValue> values_;
};

// One line: the values in the order of their names, of a tensor its shape.
std::ostream& operator<<(std::ostream& out, const State& state);

}  // namespace accelerate
