// The events of a JSON text, for a reader that accepts what it knows and rejects the rest with a
// message.
//
// Only what the derived class keeps is held in memory, however deeply the text is nested, and
// reading ends at the first problem: for untrusted files.
//
// Example: a reader of {"answer": 42}, which skips other members.
//
//   class AnswerReader : public JsonEvents {
//    protected:
//     bool on_start_object() override { return true; }
//     bool on_key(std::string& key) override { return key == "answer" || ignore_next_value(); }
//     bool on_number(std::uint64_t number) override { answer_ = number; return true; }
//     bool on_end_object() override { return true; }
//     bool on_other(const std::string& value) override { return refuse("the answer is " + value); }
//
//    private:
//     std::uint64_t answer_ = 0;
//   };
//   AnswerReader reader;
//   if (!nlohmann::json::sax_parse(text, &reader)) return fail(reader.problem());
//
// Not for small, trusted files: nlohmann::json::parse() is shorter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "nlohmann/json.hpp"

namespace accelerate::safetensors {

class JsonEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  // What was wrong, as half a sentence; empty if nothing was.
  const std::string& problem() const { return problem_; }

  bool null() final { return pass_value() || on_other("null"); }
  bool boolean(bool) final { return pass_value() || on_other("a boolean"); }
  bool number_integer(std::int64_t) final { return pass_value() || on_other("a negative number"); }
  bool number_unsigned(std::uint64_t number) final { return pass_value() || on_number(number); }
  bool number_float(double, const std::string& text) final {
    return pass_value() || on_other("the number " + text.substr(0, 40));
  }
  bool string(std::string& text) final { return pass_value() || on_string(text); }
  bool binary(nlohmann::json::binary_t&) final { return pass_value() || on_other("binary data"); }
  bool key(std::string& key) final { return ignored_depth_ > 0 || on_key(key); }
  bool start_object(std::size_t) final { return pass_start() || on_start_object(); }
  bool end_object() final { return pass_end() || on_end_object(); }
  bool start_array(std::size_t) final { return pass_start() || on_start_array(); }
  bool end_array() final { return pass_end() || on_end_array(); }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) final;

 protected:
  virtual bool on_number(std::uint64_t) { return on_other("a number"); }
  virtual bool on_string(std::string&) { return on_other("a string"); }
  virtual bool on_key(std::string& key) = 0;
  virtual bool on_start_object() { return on_other("an object"); }
  virtual bool on_end_object() = 0;
  virtual bool on_start_array() { return on_other("an array"); }
  virtual bool on_end_array() { return true; }
  // Any value that none of the above accepts, with a word for it.
  virtual bool on_other(const std::string& value) = 0;

  // Ends the reading with this problem.
  bool refuse(const std::string& problem);

  // For on_key(): skips the member's value, whatever it is.
  bool ignore_next_value();

 private:
  bool pass_value();
  bool pass_start();
  bool pass_end();

  std::string problem_;
  bool ignore_next_ = false;
  std::size_t ignored_depth_ = 0;
};

}  // namespace accelerate::safetensors
