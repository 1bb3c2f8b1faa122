// Converts a value to bytes and back, to send it from one process of a run to another.
//
//   struct Prediction {
//     at::Tensor logits;
//     std::vector<std::string> names;
//     std::map<int64_t, double> scores;
//   };
//   const std::string bytes = accelerate::to_bytes(Prediction{logits, {"a"}, {{3, 0.5}}});
//   const auto prediction = accelerate::from_bytes<Prediction>(bytes);
//
// Takes tensors, numbers, complex numbers, enums, std::string, containers, std::array, pair, tuple,
// optional, variant, unique_ptr, torch::OrderedDict, types that are just `data` and `target`
// (torch::data::Example), plain structs (aggregates without base classes) of up to 32 members,
// nlohmann::json, and any class that lists all its members:
//
//   class Output {
//     friend auto accelerate_contents(Output& output) {
//       return std::tie(output.logits_, output.count_);
//     }
//     at::Tensor logits_;
//     int count_ = 0;
//   };
//
// This function is separate from accelerate_parts(), which may leave out members without tensors. A
// type that contains anything else does not compile, and the message says what to do. Send a type
// that has a to_json() for nlohmann::json as `nlohmann::json(value)`.
//
// Tensors come back on the CPU, contiguous, without their graph and in their own memory. The bytes
// of a large tensor or of many numbers are copied once in each direction.
//
// Both sides must be built from the same source for the same kind of machine. Not for files, which
// other programs read years later. For any thread.
#pragma once

#include <c10/util/BFloat16.h>
#include <c10/util/Exception.h>
#include <c10/util/Half.h>
#include <c10/util/Type.h>
#include <c10/util/complex.h>

#include <array>
#include <complex>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "accelerate/nested/byte_stream.h"
#include "accelerate/nested/parts.h"

namespace accelerate {
namespace internal {

// ---- Kinds of types

template <class T>
inline constexpr bool is_further_number =
    std::is_same_v<T, c10::Half> || std::is_same_v<T, c10::BFloat16>;
template <class T>
inline constexpr bool is_further_number<std::complex<T>> = true;
template <class T>
inline constexpr bool is_further_number<c10::complex<T>> = true;

template <class T>
concept AnyNumber = Number<T> || is_further_number<T>;

template <class T>
constexpr bool is_truth() {
  if constexpr (std::is_enum_v<T>) {
    return std::is_same_v<std::underlying_type_t<T>, bool>;
  } else {
    return std::is_same_v<T, bool>;
  }
}

// A type for which any bytes are a valid value.
template <class T>
concept AnyBytes = AnyNumber<T> && !is_truth<T>();

// nlohmann::json, recognised without its header, so that programs that do not use it need not
// include it.
template <class T>
concept JsonDocument = requires(const T& value, const std::vector<uint8_t>& bytes) {
  { T::to_cbor(value) } -> std::same_as<std::vector<uint8_t>>;
  { T::from_cbor(bytes.begin(), bytes.end()) } -> std::same_as<T>;
};

// The type that is read back: a view of characters comes back as a string, which owns them.
template <class Value>
using Owned = std::conditional_t<std::is_convertible_v<const Value&, std::string_view> &&
                                     !JsonDocument<Value>,
                                 std::string, Value>;

template <class T>
concept NamesItsContents = requires(T& value) {
  accelerate_contents(value);
};

template <class T>
inline constexpr bool is_array_class = false;
template <class T, size_t size>
inline constexpr bool is_array_class<std::array<T, size>> = true;

// A type whose values are all the same.
template <class T>
inline constexpr bool is_nothing = std::is_empty_v<T>;
template <class T>
inline constexpr bool is_nothing<std::array<T, 0>> = true;

// A sequence whose elements are contiguous in memory.
template <class T>
concept NumbersInMemory = Sequence<T> && AnyBytes<typename T::value_type> && requires(T& value) {
  value.resize(value.size());
  { value.data() } -> std::same_as<typename T::value_type*>;
};

template <class T>
constexpr bool can_be_taken_apart() {
  if constexpr (!Struct<T>) {
    return false;
  } else if constexpr (has_base<T>) {
    return false;
  } else {
    constexpr size_t count = count_members<T>();
    if constexpr (count == 0 || count > kMostMembers) {
      return false;
    } else {
      return !has_array<T, count>(std::make_index_sequence<count>());
    }
  }
}

template <class T>
inline constexpr bool names_members = false;
template <class... T>
inline constexpr bool names_members<std::tuple<T&...>> = sizeof...(T) > 0;

// Throws for a type that cannot be sent, in a program that may never send it.
template <class Value>
[[noreturn]] void refuse_type() {
  TORCH_CHECK(false, "a value of type ", c10::demangle(typeid(Value).name()),
              " cannot be turned into bytes, so it cannot be sent to another process; "
              "accelerate/nested/serialized.h lists the types that can");
}

// Calls the function on all parts of a value whose type determines how many there are. `Bytes` is
// the class of the writer or reader.
template <class Bytes, class Value, class Visit>
void visit_contents(Value& value, Visit&& visit) {
  using T = std::remove_cv_t<Value>;
  if constexpr (NamesItsContents<T>) {
    // The function takes a value without const, but changes nothing.
    const auto contents = accelerate_contents(const_cast<T&>(value));
    static_assert(Bytes::is_lenient || names_members<std::remove_cv_t<decltype(contents)>>,
                  "accelerate_contents() names all members as std::tie() does; what it leaves out "
                  "would not be sent");
    if constexpr (names_members<std::remove_cv_t<decltype(contents)>>) {
      std::apply([&visit](auto&... parts) { (visit(parts), ...); }, contents);
    } else {
      refuse_type<T>();
    }
  } else if constexpr (is_array_class<T>) {
    for (auto& element : value) visit(element);
  } else if constexpr (TupleLike<T>) {
    std::apply([&visit](auto&... elements) { (visit(elements), ...); }, value);
  } else if constexpr (can_be_taken_apart<T>()) {
    visit_members(value, visit);
  } else if constexpr (OnlyDataAndTarget<T>) {
    visit(value.data);
    visit(value.target);
  } else if constexpr (OnlyData<T>) {
    visit(value.data);
  } else {
    static_assert(
        Bytes::is_lenient || never<T>,
        "accelerate cannot turn a value of this type into bytes: take it out of what you send, "
        "hold a std::string instead of a view of one and values instead of pointers, or "
        "write `auto accelerate_contents(Class& value) { return std::tie(value.a, value.b); }`, "
        "which names all that it has, in the class's namespace");
    refuse_type<T>();
  }
}

// ---- To bytes. Every value takes at least one byte, so that a wrong count is detected
// immediately.

template <class Value, class Bytes>
void write_value(const Value& value, Bytes& out);

template <class Entries, class Bytes, class Write>
void write_entries(const Entries& entries, Bytes& out, Write&& write) {
  out.number(static_cast<uint64_t>(std::distance(entries.begin(), entries.end())));
  for (auto&& entry : entries) write(entry);
}

template <class Value, class Bytes>
void write_value(const Value& value, Bytes& out) {
  const auto each = [&out](const auto& part) { write_value(part, out); };
  if constexpr (AnyNumber<Value>) {
    out.number(value);
  } else if constexpr (TensorLike<Value>) {
    out.tensor(value);
  } else if constexpr (std::is_same_v<Value, std::string> || NumbersInMemory<Value>) {
    out.number(static_cast<uint64_t>(value.size()));
    out.block(value.data(), value.size() * sizeof(typename Value::value_type));
  } else if constexpr (JsonDocument<Value>) {
    const std::vector<uint8_t> bytes = Value::to_cbor(value);
    out.number(static_cast<uint64_t>(bytes.size()));
    out.copy(bytes.data(), bytes.size());
  } else if constexpr (is_nothing<Value>) {
    out.number(false);
  } else {
    const Nesting nesting(out.depth);
    if constexpr (NamesItsContents<Value> || Text<Value> || is_array_class<Value>) {
      visit_contents<Bytes>(value, each);
    } else if constexpr (is_optional<Value>) {
      out.number(static_cast<bool>(value));
      if (value) each(*value);
    } else if constexpr (is_variant<Value>) {
      out.number(static_cast<uint64_t>(value.index()));
      std::visit(each, value);
    } else if constexpr (Keyed<Value>) {
      write_entries(value, out, [&](const auto& entry) {
        each(entry.first);
        each(entry.second);
      });
    } else if constexpr (KeyedByItems<Value>) {
      write_entries(value, out, [&](const auto& item) {
        each(item.key());
        each(item.value());
      });
    } else if constexpr (Sequence<Value>) {
      using Element = typename Value::value_type;
      write_entries(value, out,
                    [&out](const Element& element) { write_value<Element>(element, out); });
    } else {
      visit_contents<Bytes>(value, each);
    }
  }
}

// ---- From bytes, into a value that was made without any

template <class T, class Bytes>
T blank() {
  static_assert(Bytes::is_lenient || std::default_initializable<T>,
                "from_bytes() makes a value of this type first and then fills it: give the type a "
                "constructor without arguments");
  if constexpr (std::default_initializable<T>) {
    return T();
  } else {
    refuse_type<T>();
  }
}

template <class Value, class Bytes>
void read_value(Value& value, Bytes& in);

template <class T, class Bytes>
T read_new(Bytes& in) {
  T value = blank<T, Bytes>();
  read_value(value, in);
  return value;
}

template <size_t index = 0, class Variant, class Bytes>
void read_alternative(Variant& value, uint64_t wanted, Bytes& in) {
  if constexpr (index < std::variant_size_v<Variant>) {
    if (wanted != index) return read_alternative<index + 1>(value, wanted, in);
    value.template emplace<index>(read_new<std::variant_alternative_t<index, Variant>>(in));
  } else {
    in.refuse("a variant has no alternative " + std::to_string(wanted));
  }
}

template <class Value, class Bytes>
void read_elements(Value& value, Bytes& in) {
  using Element = typename Value::value_type;
  value = blank<Value, Bytes>();
  const size_t count = in.count(1);
  for (size_t i = 0; i < count; ++i) {
    Element element = read_new<Element>(in);
    if constexpr (requires { value.push_back(std::move(element)); }) {
      value.push_back(std::move(element));
    } else if constexpr (requires { value.insert(value.end(), std::move(element)); }) {
      value.insert(value.end(), std::move(element));
    } else {
      static_assert(Bytes::is_lenient || never<Value>,
                    "from_bytes() cannot add elements to this type, such as a view of values that "
                    "it does not own: use a std::vector");
      refuse_type<Value>();
    }
  }
  if constexpr (requires { value.size(); }) {
    if (value.size() != count) in.refuse("an element of a set is there twice");
  }
}

template <class Value, class Bytes>
void read_value(Value& value, Bytes& in) {
  static_assert(Bytes::is_lenient || !std::is_const_v<Value>,
                "from_bytes() fills a value after it was made, which a const member does not let "
                "it: hold it without const");
  const auto each = [&in](auto& part) { read_value(part, in); };
  if constexpr (std::is_const_v<Value>) {
    refuse_type<Value>();
  } else if constexpr (is_truth<Value>()) {
    const auto byte = in.template number<uint8_t>();
    if (byte > 1) in.refuse("a bool is neither true nor false");
    value = static_cast<Value>(byte != 0);
  } else if constexpr (AnyNumber<Value>) {
    value = in.template number<Value>();
  } else if constexpr (TensorLike<Value>) {
    static_cast<at::Tensor&>(value) = in.tensor();
  } else if constexpr (std::is_same_v<Value, std::string>) {
    value = in.block(in.count(1));
  } else if constexpr (NumbersInMemory<Value>) {
    constexpr size_t kSize = sizeof(typename Value::value_type);
    const size_t count = in.count(kSize);
    const std::string_view block = in.block(count * kSize);
    value.resize(count);
    if (count > 0) std::memcpy(value.data(), block.data(), block.size());
  } else if constexpr (JsonDocument<Value>) {
    const std::string_view bytes = in.block(in.count(1));
    try {
      value = Value::from_cbor(bytes.begin(), bytes.end());
    } catch (const std::exception& error) {
      in.refuse(std::string("the JSON in them is damaged (") + error.what() + ")");
    }
  } else if constexpr (is_nothing<Value>) {
    if (in.template number<uint8_t>() != 0) in.refuse("a value without members has some");
  } else {
    const Nesting nesting(in.depth);
    if constexpr (NamesItsContents<Value> || Text<Value> || is_array_class<Value>) {
      visit_contents<Bytes>(value, each);
    } else if constexpr (is_optional<Value>) {
      using T = std::remove_reference_t<decltype(*value)>;
      value.reset();
      if (!read_new<bool>(in)) return;
      if constexpr (requires { value.emplace(std::declval<T>()); }) {
        value.emplace(read_new<T>(in));
      } else {
        static_assert(Bytes::is_lenient || !std::is_polymorphic_v<T>,
                      "from_bytes() does not know which class a pointer to a base class stands "
                      "for: hold a std::variant of the classes");
        if constexpr (!std::is_polymorphic_v<T> &&
                      std::is_assignable_v<Value&, std::unique_ptr<T>>) {
          value = std::make_unique<T>(read_new<T>(in));
        } else {
          refuse_type<T>();
        }
      }
    } else if constexpr (is_variant<Value>) {
      read_alternative(value, in.template number<uint64_t>(), in);
    } else if constexpr (Keyed<Value>) {
      value = blank<Value, Bytes>();
      const size_t count = in.count(1);
      for (size_t i = 0; i < count; ++i) {
        auto key = read_new<typename Value::key_type>(in);
        value.emplace_hint(value.end(), std::move(key), read_new<typename Value::mapped_type>(in));
      }
      if (value.size() != count) in.refuse("a key is there twice");
    } else if constexpr (KeyedByItems<Value>) {
      using Item = typename Value::Item;
      value.clear();
      for (size_t left = in.count(1); left > 0; --left) {
        auto key = read_new<std::remove_cvref_t<decltype(std::declval<Item&>().key())>>(in);
        if (value.contains(key)) in.refuse("a key is there twice");
        value.insert(std::move(key),
                     read_new<std::remove_cvref_t<decltype(std::declval<Item&>().value())>>(in));
      }
    } else if constexpr (Sequence<Value>) {
      read_elements(value, in);
    } else {
      visit_contents<Bytes>(value, each);
    }
  }
}

// ---- The type of the value, at the beginning of the bytes

uint64_t type_number(const std::type_info& type);
void check_type_number(ByteReader& in, const std::type_info& type);

template <class Bytes, class Value>
std::string written(const Value& value) {
  Bytes out;
  out.number(type_number(typeid(Value)));
  write_value(value, out);
  return out.finish();
}
template <class Bytes, class Value>
Value read_all(std::string_view bytes) {
  Bytes in(bytes);
  check_type_number(in, typeid(Value));
  auto value = read_new<Value>(in);
  in.finish();
  return value;
}

// Like to_bytes() and from_bytes(), but for any type: a type that cannot be sent throws c10::Error,
// where those would not compile. For code that may meet any value, but rarely sends it.
struct LenientWriter : ByteWriter {
  static constexpr bool is_lenient = true;
};
struct LenientReader : ByteReader {
  using ByteReader::ByteReader;
  static constexpr bool is_lenient = true;
};
template <class Value>
std::string to_bytes_if_possible(const Value& value) {
  return written<LenientWriter>(value);
}
template <class Value>
Value from_bytes_if_possible(std::string_view bytes) {
  return read_all<LenientReader, Value>(bytes);
}

}  // namespace internal

// Returns the bytes of a value; a std::string_view is written as a std::string. Waits for the
// device of a tensor. Throws c10::Error for sparse and quantized tensors, and for values nested
// more than 1000 deep, as in a linked list.
template <class Value>
std::string to_bytes(const Value& value) {
  using Sent = internal::Owned<Value>;
  if constexpr (std::is_same_v<Sent, Value>) {
    return internal::written<internal::ByteWriter>(value);
  } else {
    return internal::written<internal::ByteWriter>(Sent{std::string_view(value)});
  }
}

// Returns the value that to_bytes() converted. Throws c10::Error if the bytes belong to another
// type, are cut off, or cannot come from to_bytes(); it does not notice a number that was changed
// on the way. It never reads beyond the bytes, and allocates no memory for elements that they do
// not contain.
template <class Value>
Value from_bytes(std::string_view bytes) {
  static_assert(std::is_same_v<internal::Owned<Value>, Value>,
                "from_bytes() owns no characters that a view could refer to: read a std::string");
  return internal::read_all<internal::ByteReader, Value>(bytes);
}

}  // namespace accelerate
