// A page in a real browser, for tests: what a script finds in it, and how it looks.
//
// Example:
//   if (const std::optional<Browser> browser = Browser::find()) {
//     const nlohmann::json result =
//         browser->run("<html><body>Hi</body></html>", "result.text = document.body.innerText;");
//     EXPECT_EQ(result["text"], "Hi");
//   }
//
// Not for pages that need a network or a server.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "nlohmann/json.hpp"

namespace accelerate {

struct BrowserWindow {
  // Narrower than 500 a browser does not get.
  int width = 1300;
  int height = 1000;
  // What the reader's system asks for.
  bool is_dark = false;
};

class Browser {
 public:
  static constexpr std::string_view kMissing = "there is no Chromium on this machine";
  // None where the machine has none.
  static std::optional<Browser> find();

  // What `script` leaves in the object `result`. The test fails where it throws, and where the page
  // does by itself.
  nlohmann::json run(const std::string& page, const std::string& script,
                     const BrowserWindow& window = {}) const;
  // The picture's bytes (PNG). It is kept as `name`.png among what the test leaves behind
  // (TEST_UNDECLARED_OUTPUTS_DIR), where a person finds it.
  std::string take_picture(const std::string& page, const std::string& name,
                           const BrowserWindow& window = {}) const;

 private:
  explicit Browser(std::string program);

  // What it prints.
  std::string open(const std::string& page, const BrowserWindow& window,
                   const std::string& option) const;

  std::string program_;
  std::string folder_;
};

}  // namespace accelerate
