// Part of the event files; not for others. Messages in Protocol Buffers' form, written and read
// field by field, because event files need only a few.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "absl/strings/string_view.h"
#include "formats/metrics/utf8_text.h"

namespace accelerate::tensorboard {

// The fields of a message in the order in which they were added.
class Message {
 public:
  Message& integer(int field, std::int64_t value) {
    tag(field, kVarint);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  Message& number(int field, double value) {
    tag(field, kFixed64);
    return raw(value);
  }
  Message& single(int field, float value) {
    tag(field, kFixed32);
    return raw(value);
  }
  Message& bytes(int field, absl::string_view value) {
    tag(field, kBytes);
    varint(value.size());
    bytes_.append(value.data(), value.size());
    return *this;
  }
  // Replaces what is not valid UTF-8, because readers reject a message with such a text.
  Message& text(int field, const std::string& value) {
    return bytes(field, metrics::utf8_text(value));
  }
  Message& message(int field, const Message& value) { return bytes(field, value.bytes_); }
  Message& numbers(int field, std::span<const double> values) {
    return bytes(field, {reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }

  const std::string& serialized() const { return bytes_; }

 private:
  friend class MessageReader;
  enum Type { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

  void tag(int field, Type type) { varint(static_cast<std::uint64_t>(field) << 3 | type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  template <class Number>
  Message& raw(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }

  std::string bytes_;
};

// Reads the fields of a message that another program wrote, one by one:
//   for (MessageReader reader(bytes); reader.next();)
//     if (reader.field() == 2) step = reader.integer();
// A damaged message ends where the damage is. A value of another type than the field has reads as
// zero.
class MessageReader {
 public:
  explicit MessageReader(absl::string_view bytes) : rest_(bytes) {}

  bool next() {
    std::uint64_t tag = 0;
    if (!varint(tag)) return false;
    field_ = tag >> 3;
    type_ = static_cast<int>(tag & 7);
    integer_ = 0;
    bytes_ = {};
    switch (type_) {
      case Message::kVarint:
        return varint(integer_);
      case Message::kFixed64:
        return take(sizeof(double));
      case Message::kFixed32:
        return take(sizeof(float));
      case Message::kBytes: {
        std::uint64_t size = 0;
        return varint(size) && take(size);
      }
      default:
        return false;
    }
  }

  std::uint64_t field() const { return field_; }
  std::int64_t integer() const { return static_cast<std::int64_t>(integer_); }
  double number() const { return type_ == Message::kFixed64 ? first<double>() : 0; }
  float single() const { return type_ == Message::kFixed32 ? first<float>() : 0; }
  // The bytes of a text, a message, or packed numbers.
  absl::string_view bytes() const { return type_ == Message::kBytes ? bytes_ : ""; }
  // The first of several numbers, packed or not.
  template <class Number>
  Number first() const {
    Number number = 0;
    if (bytes_.size() >= sizeof(number)) std::memcpy(&number, bytes_.data(), sizeof(number));
    return number;
  }

 private:
  bool varint(std::uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take(std::uint64_t size) {
    if (size > rest_.size()) return false;
    bytes_ = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  absl::string_view rest_;
  std::uint64_t field_ = 0;
  int type_ = 0;
  std::uint64_t integer_ = 0;
  absl::string_view bytes_;
};

}  // namespace accelerate::tensorboard
