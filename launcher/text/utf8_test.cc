#include "launcher/text/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

TEST(FindNoUtf8, AcceptsCharactersOfEverySize) {
  for (const std::string text : {"", "a", "é", "日本", "😀", "\x7F", "\xC2\x80", "\xED\x9F\xBF",
                                 "\xEE\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(find_no_utf8(text), text.size()) << text;
  }
}

TEST(FindNoUtf8, FindsTheFirstByteOfWhatIsNone) {
  for (const std::string bytes : {"\x80", "\xFF", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3z",
                                  "\xE0\x80\x80", "\xE2\x82", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                                  "\xF0\x9F\x98", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80"}) {
    EXPECT_EQ(find_no_utf8("é" + bytes), 2u);
  }
}

}  // namespace
}  // namespace accelerate::launcher
