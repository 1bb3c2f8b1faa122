// What the Accelerator's communication methods do with a value: they find its tensors, numbers and
// strings and exchange each of them, or exchange the whole value as bytes. If a value contains
// something that cannot be exchanged, compilation fails; otherwise that part would silently remain
// this process's own.
//
//   const ExchangePlace here = {.communicator = communicator, .device = device};
//   auto [sum, count] = exchanged(std::tuple(loss, 1), Reduction{here, ReduceOp::kSum, 1.0});
//
// Part of the Accelerator; not for others.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "accelerate/comm/host_values.h"
#include "accelerate/comm/operations.h"
#include "accelerate/host_work/host_work.h"
#include "accelerate/nested/serialized.h"
#include "accelerate/nested/structure.h"

namespace accelerate::internal {

struct ExchangePlace {
  Communicator& communicator;
  c10::Device device;  // The device on which collectives need tensors.

  at::Tensor to_device(const at::Tensor& tensor) const {
    return !tensor.defined() || tensor.device() == device ? tensor : tensor.to(device);
  }
};

// ---- One operation each, with a function for each kind of part; all functions change it in place

struct Gathering {
  // Whether a number or string by itself may be gathered, as a vector.
  static constexpr bool takes_single = true;

  ExchangePlace here;
  const char* name = "gather";

  void tensor(at::Tensor& value) {
    value = accelerate::gather(here.communicator, here.to_device(value));
  }
  template <class Element>
  void list(std::vector<Element>& values) {
    values = accelerate::gather(here.communicator, values);
  }
  template <class Value>
  void single(Value&) {
    static_assert(never<Value>,
                  "gather(): a number or string in a struct or container cannot become all ranks' "
                  "numbers or strings; make it a std::vector of one, or gather it on its own");
  }
};

struct MetricsGathering {
  static constexpr bool takes_single = false;

  ExchangePlace here;
  // How many samples in the loader's last round are not repeated ones; set if the current batch
  // belongs to such a round.
  std::optional<int64_t> samples = std::nullopt;
  // How many samples a full round has.
  int64_t round_size = 0;
  // Whether repeated samples fill up the last round.
  bool is_filled = true;
  // Whether another process also has this process's batch, so that none of it counts.
  bool is_repetition = false;
  const char* name = "gather_for_metrics";

  void tensor(at::Tensor& value) {
    if (is_repetition && value.defined())
      value = (value.dim() == 0 ? value.unsqueeze(0) : value).narrow(0, 0, 0);
    value = accelerate::gather(here.communicator, here.to_device(value));
    if (value.defined()) value = value.narrow(0, 0, count(value.size(0)));
  }
  template <class Element>
  void list(std::vector<Element>& values) {
    if (is_repetition) values.clear();
    values = accelerate::gather(here.communicator, values);
    values.resize(count(static_cast<int64_t>(values.size())));
  }
  int64_t count(int64_t gathered) const {
    if (!samples) return gathered;
    // One for each process is the mean of its batch.
    const bool is_of_batches =
        gathered == round_size || gathered == *samples || gathered == here.communicator.size();
    TORCH_CHECK(is_filled ? is_of_batches : gathered <= round_size,
                "gather_for_metrics() has gathered ", gathered,
                " rows, but the loader under iteration returns ", round_size,
                " samples in a round, of which the last has repeated ones to leave out. Call it in "
                "the loop over its loader, for each batch and with a row for each sample, also for "
                "those that you leave out afterwards, or use gather()");
    return std::min(gathered, *samples);
  }
  template <class Value>
  void single(Value&) {
    static_assert(never<Value>,
                  "gather_for_metrics() counts samples, and a number or string alone is of none: "
                  "give a std::vector or a tensor with one element for each sample, or use "
                  "gather() or reduce()");
  }
};

struct Reduction {
  ExchangePlace here;
  ReduceOp op;
  double scale;
  const char* name = "reduce";

  void tensor(at::Tensor& value) {
    value = accelerate::reduce(here.communicator, here.to_device(value), op, scale);
  }
  template <class Element>
  void list(std::vector<Element>& values) {
    if constexpr (std::is_arithmetic_v<Element>) {
      values = accelerate::reduce(here.communicator, values, op, scale);
    } else {
      refuse<Element>();
    }
  }
  template <class Value>
  void single(Value& value) {
    if constexpr (std::is_arithmetic_v<Value>) {
      value = accelerate::reduce(here.communicator, std::vector<Value>{value}, op, scale)[0];
    } else {
      refuse<Value>();
    }
  }

 private:
  template <class Value>
  static void refuse() {
    static_assert(never<Value>,
                  "reduce() combines tensors and numbers; a string or an enum has no sum: leave it "
                  "out of the value, or gather() it");
  }
};

struct Broadcasting {
  ExchangePlace here;
  int root;
  const char* name = "broadcast";

  void tensor(at::Tensor& value) {
    value = accelerate::broadcast(here.communicator, here.to_device(value), root);
  }
  template <class Element>
  void list(std::vector<Element>& values) {
    values = accelerate::broadcast(here.communicator, values, root);
  }
  template <class Value>
  void single(Value& value) {
    std::vector<Value> values{std::move(value)};
    list(values);
    value = values[0];
  }
};

struct Padding {
  ExchangePlace here;
  const PadOptions& options;
  const char* name = "pad_across_processes";

  void tensor(at::Tensor& value) {
    value = accelerate::pad_across_processes(here.communicator, here.to_device(value), options);
  }
  template <class Element>
  void list(std::vector<Element>&) {
    static_assert(never<Element>,
                  "pad_across_processes() pads tensors; leave vectors of numbers and strings out "
                  "of the value: gather() takes those of any length");
  }
  // Does nothing: like a scalar tensor, it has no dimension.
  template <class Value>
  void single(Value&) {}
};

// ---- The walk over the value

template <class T>
inline constexpr bool is_single = Number<T> || std::is_same_v<T, std::string>;

template <class Value, class Operation>
void exchange_parts(Value& value, Operation& operation) {
  using T = std::remove_cv_t<Value>;
  if constexpr (std::is_const_v<Value> && (TensorLike<T> || is_single<T> || is_list<T>)) {
    static_assert(never<T>,
                  "accelerate cannot replace what is const: hold it without const, in a "
                  "std::vector rather than a std::set or a view such as at::TensorList");
  } else if constexpr (TensorLike<T>) {
    operation.tensor(value);
  } else if constexpr (is_single<T>) {
    operation.single(value);
  } else if constexpr (is_list<T>) {
    operation.list(value);
  } else if constexpr (HasParts<T> && !Text<T>) {
    visit_parts(value, [&operation](auto& part) { exchange_parts(part, operation); });
  } else {
    static_assert(
        never<T>,
        "accelerate can exchange tensors, numbers and strings (std::string), in containers and "
        "plain structs, but not this type: take it out of the value, or write `auto "
        "accelerate_parts(Class& value) { return std::tie(value.a, value.b); }` in its namespace");
  }
}

template <class Value, class Operation>
void check_built_alike(Value& value, const Operation& operation) {
  if constexpr (HasParts<Value>) {
    std::string description;
    describe_structure(value, description);
    // Whether the description is empty depends only on the type, so all ranks do the same.
    if (!description.empty()) {
      check_alike(operation.here.communicator, operation.name, description);
    }
  }
}

template <class Value, class Operation>
Value exchanged(Value value, Operation operation) {
  check_built_alike(value, operation);
  exchange_parts(value, operation);
  return value;
}

// Turns a view of a string into a string, because the result must not refer to this process's text.
template <class Value>
auto owned(Value value) {
  if constexpr (Text<Value>) {
    return std::string(std::move(value));
  } else {
    return value;
  }
}

// ---- Gathering, which returns numbers and strings as vectors

template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

template <class T>
inline constexpr bool is_pair = false;
template <class First, class Second>
inline constexpr bool is_pair<std::pair<First, Second>> = true;

// An empty map of the same kind with another type of values.
template <class Value, class Key, class Old, class Compare, class Allocator>
std::map<Key, Value, Compare> map_like(const std::map<Key, Old, Compare, Allocator>& map) {
  return std::map<Key, Value, Compare>(map.key_comp());
}
template <class Value, class Key, class Old, class Hash, class Equal, class Allocator>
std::unordered_map<Key, Value, Hash, Equal> map_like(
    const std::unordered_map<Key, Old, Hash, Equal, Allocator>&) {
  return {};
}

template <class Value, class Operation>
auto gathered_part(Value& value, Operation& operation) {
  const auto part = [&operation](auto& each) { return gathered_part(each, operation); };
  if constexpr (Text<Value> || Number<Value>) {
    if constexpr (!Operation::takes_single) operation.single(value);
    using Element = std::conditional_t<Text<Value>, std::string, Value>;
    std::vector<Element> all{Element(value)};
    operation.list(all);
    return all;
  } else if constexpr (is_pair<Value>) {
    using Result = std::pair<decltype(part(value.first)), decltype(part(value.second))>;
    // Braces, because they gather from left to right, as all ranks must.
    return Result{part(value.first), part(value.second)};
  } else if constexpr (is_tuple<Value>) {
    return std::apply(
        [&part](auto&... each) { return std::tuple<decltype(part(each))...>{part(each)...}; },
        value);
  } else if constexpr (requires { map_like<int>(value); }) {
    auto all = map_like<decltype(part(value.begin()->second))>(value);
    for (auto* entry : entries_in_order(value)) all.emplace(entry->first, part(entry->second));
    return all;
  } else {
    exchange_parts(value, operation);
    return std::move(value);
  }
}

template <class Value, class Operation>
auto gathered(Value value, Operation operation) {
  check_built_alike(value, operation);
  return gathered_part(value, operation);
}

// ---- Whole values, as bytes

template <class Value>
auto gathered_objects(Communicator& communicator, const Value& value) {
  refuse_recording("the objects of all ranks");
  using Object = Owned<Value>;
  std::conditional_t<is_vector<Object>, Object, std::vector<Object>> all;
  for (const std::string& bytes : communicator.all_gather_bytes(to_bytes(value))) {
    auto of_rank = from_bytes<Object>(bytes);
    if constexpr (is_vector<Object>) {
      std::move(of_rank.begin(), of_rank.end(), std::back_inserter(all));
    } else {
      all.push_back(std::move(of_rank));
    }
  }
  return all;
}

template <class Value>
Owned<Value> broadcast_object(Communicator& communicator, const Value& value, int root) {
  refuse_recording("the object of another rank");
  const std::string mine = communicator.rank() == root ? to_bytes(value) : std::string();
  return from_bytes<Owned<Value>>(communicator.broadcast_bytes(mine, root));
}

}  // namespace accelerate::internal
