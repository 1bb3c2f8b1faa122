#include "launcher/supervisor/output_tail.h"

#include <string>

#include "gtest/gtest.h"

namespace accelerate::launcher {
namespace {

std::string tail_of(const std::string& text) {
  OutputTail tail;
  tail.append(text);
  return tail.text();
}

std::string numbered_lines(int first, int last) {
  std::string text;
  for (int line = first; line <= last; ++line) text += "line " + std::to_string(line) + "\n";
  return text;
}

TEST(OutputTail, KeepsAShortText) {
  EXPECT_EQ(tail_of(""), "");
  EXPECT_EQ(tail_of("\n"), "\n");
  EXPECT_EQ(tail_of("a\n\nb\n"), "a\n\nb\n");
  EXPECT_EQ(tail_of(numbered_lines(1, 20)), numbered_lines(1, 20));
}

TEST(OutputTail, EndsAnOpenLine) { EXPECT_EQ(tail_of("a\nb"), "a\nb\n"); }

TEST(OutputTail, KeepsTheLastLines) {
  EXPECT_EQ(tail_of(numbered_lines(1, 21)), numbered_lines(2, 21));
  EXPECT_EQ(tail_of(numbered_lines(1, 300) + "open"), numbered_lines(282, 300) + "open\n");
  EXPECT_EQ(tail_of("\n" + numbered_lines(1, 20)), numbered_lines(1, 20));
  EXPECT_EQ(tail_of(numbered_lines(1, 2) + std::string(20, '\n')), std::string(20, '\n'));
}

TEST(OutputTail, KeepsTheLastBytesFromTheStartOfALine) {
  const std::string line = std::string(1500, 'x') + "\n";
  EXPECT_EQ(tail_of(line + line + line), line + line);
  const std::string exact = std::string(OutputTail::kMaxBytes - 1, 'y') + "\n";
  EXPECT_EQ(tail_of("z\n" + exact), exact);
}

TEST(OutputTail, CutsTheOnlyLine) {
  const std::string kept(OutputTail::kMaxBytes, 'x');
  EXPECT_EQ(tail_of("y" + kept), kept + "\n");
  EXPECT_EQ(tail_of("a\ny" + kept), kept + "\n");
}

TEST(OutputTail, DoesNotDependOnTheChunks) {
  const std::string text = numbered_lines(1, 1000);
  OutputTail tail;
  for (std::size_t start = 0; start < text.size(); start += 7) tail.append(text.substr(start, 7));
  EXPECT_EQ(tail.text(), tail_of(text));
}

}  // namespace
}  // namespace accelerate::launcher
