// Turns the bytes that a terminal sends into the keys that a menu knows.
//
// Example:
//   KeyDecoder decoder;
//   for (const char byte : std::string("\x1b[A")) key = decoder.take(byte);  // At last Key::kUp.
//
// Not for text: all keys but a few give kNone.
#pragma once

namespace accelerate::launcher {

enum class Key { kNone, kUp, kDown, kDigit, kEnter, kEnd };

class KeyDecoder {
 public:
  // The key that `byte` completes: an arrow (or k or j), a digit, Enter or Ctrl-D; otherwise kNone.
  Key take(char byte);

  // The digit of the last kDigit.
  int digit() const { return digit_; }

 private:
  enum class State { kPlain, kEscape, kSequence };

  State state_ = State::kPlain;
  int digit_ = 0;
};

}  // namespace accelerate::launcher
