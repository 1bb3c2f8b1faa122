// Opens a page in a real browser, for tests of what a script finds in it and of how it looks.
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
  // A browser does not get narrower than 500.
  int width = 1300;
  int height = 1000;
  // Whether the reader's system asks for dark colours.
  bool is_dark = false;
};

class Browser {
 public:
  static constexpr std::string_view kMissing = "there is no Chromium on this machine";
  // None if the machine has no browser.
  static std::optional<Browser> find();

  // Runs `script` in the page, and returns what it leaves in the object `result`. The test fails if
  // the script throws, or if the page does by itself.
  nlohmann::json run(const std::string& page, const std::string& script,
                     const BrowserWindow& window = {}) const;
  // Returns the picture's bytes (PNG). Keeps it as `name`.png among the test's outputs
  // (TEST_UNDECLARED_OUTPUTS_DIR), where a person finds it.
  std::string take_picture(const std::string& page, const std::string& name,
                           const BrowserWindow& window = {}) const;

 private:
  explicit Browser(std::string program);

  // Returns what the browser prints.
  std::string open(const std::string& page, const BrowserWindow& window,
                   const std::string& option) const;

  std::string program_;
  std::string folder_;
};

}  // namespace accelerate
