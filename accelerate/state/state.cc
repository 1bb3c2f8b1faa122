#include "accelerate/state/state.h"

#include <c10/util/Exception.h>

#include <iterator>
#include <ostream>
#include <utility>
#include <variant>

namespace accelerate {
namespace {

// What the kinds of StateValue are, in their order, and what reads them.
constexpr const char* kKinds[] = {"a tensor; read it with tensor()",
                                  "an integer; read it with integer()",
                                  "a number; read it with number()", "a text; read it with text()"};
static_assert(std::size(kKinds) == std::variant_size_v<StateValue>);

}  // namespace

template <class Value>
const Value& State::get(const std::string& name, const char* kind) const {
  const auto found = values_.find(name);
  TORCH_CHECK(found != values_.end(), "the state has no `", name,
              "`; it belongs to another program, or to other models, optimizers or schedules");
  const Value* value = std::get_if<Value>(&found->second);
  TORCH_CHECK(value != nullptr, "`", name, "` of the state is not ", kind, ", but ",
              kKinds[found->second.index()], ", or load the state of this program and version");
  return *value;
}

void State::set_all(const std::string& prefix, const State& other) {
  for (const auto& [name, value] : other.values_) set(prefix + "." + name, value);
}

State State::part(const std::string& prefix) const {
  const std::string begin = prefix + ".";
  State result;
  for (auto it = values_.lower_bound(begin); it != values_.end() && it->first.starts_with(begin);
       ++it)
    result.set(it->first.substr(begin.size()), it->second);
  return result;
}

const at::Tensor& State::tensor(const std::string& name) const {
  return get<at::Tensor>(name, "a tensor");
}
int64_t State::integer(const std::string& name) const { return get<int64_t>(name, "an integer"); }
int64_t State::count(const std::string& name) const {
  constexpr int64_t kLargest = int64_t{1} << 53;
  const int64_t value = integer(name);
  TORCH_CHECK(value >= 0 && value <= kLargest, "`", name, "` of the state is ", value,
              ", which is not a count; it belongs to another program or version");
  return value;
}
double State::number(const std::string& name) const { return get<double>(name, "a number"); }
const std::string& State::text(const std::string& name) const {
  return get<std::string>(name, "a text");
}

State cloned(const State& state) {
  State clone;
  for (const auto& [name, value] : state.values()) {
    const auto* tensor = std::get_if<at::Tensor>(&value);
    const bool is_tensor = tensor != nullptr && tensor->defined();
    clone.set(name, is_tensor ? StateValue(tensor->detach().clone()) : value);
  }
  return clone;
}

std::ostream& operator<<(std::ostream& out, const State& state) {
  const char* separator = "";
  for (const auto& [name, value] : state.values()) {
    out << std::exchange(separator, ", ") << name << " = ";
    std::visit(
        [&out](const auto& held) {
          if constexpr (std::is_same_v<std::decay_t<decltype(held)>, at::Tensor>) {
            out << "tensor " << held.sizes();
          } else {
            out << held;
          }
        },
        value);
  }
  return out;
}

}  // namespace accelerate
