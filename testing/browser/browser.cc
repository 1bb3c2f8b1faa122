#include "testing/browser/browser.h"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "launcher/posix/command_output.h"

namespace accelerate {
namespace {

using nlohmann::json;

// Hears what goes wrong in the page from its first line on.
constexpr char kBeforePage[] =
    "<script>const result = {};"
    "addEventListener('error', (event) => { result.error = result.error ?? event.message; });"
    "</script>";
constexpr char kResult[] = "<pre id=\"result\">";

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    result += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
    i += 2;
  }
  return result;
}

}  // namespace

std::optional<Browser> Browser::find() {
  for (const char* name : {"chromium-headless-shell", "chromium", "google-chrome"})
    if (launcher::command_output({name, "--version"}).ok()) return Browser(name);
  return std::nullopt;
}

Browser::Browser(std::string program)
    : program_(std::move(program)), folder_(testing::TempDir() + "/browser.XXXXXX") {
  EXPECT_NE(mkdtemp(folder_.data()), nullptr);
}

std::string Browser::open(const std::string& page, const BrowserWindow& window,
                          const std::string& option) const {
  const std::string path = folder_ + "/page.html";
  std::ofstream(path, std::ios::binary) << page;
  const auto output = launcher::command_output(
      {program_, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
       // Containers have little of it.
       "--disable-dev-shm-usage", absl::StrCat("--user-data-dir=", folder_, "/profile"),
       "--virtual-time-budget=5000",
       absl::StrCat("--blink-settings=preferredColorScheme=", window.is_dark ? 0 : 1),
       absl::StrCat("--window-size=", window.width, ",", window.height), option, "file://" + path},
      {.time_limit = std::chrono::minutes(2), .size_limit = 1 << 25});
  EXPECT_TRUE(output.ok()) << output.status();
  return output.value_or("");
}

json Browser::run(const std::string& page, const std::string& script,
                  const BrowserWindow& window) const {
  const std::string behind =
      absl::StrCat("<script>try {", script,
                   "} catch (error) { result.error = String(error); }"
                   "const text = document.createElement('pre'); text.id = 'result';"
                   "text.textContent = encodeURIComponent(JSON.stringify(result));"
                   "document.body.append(text);</script></body>");
  const std::size_t end = page.rfind("</body>");
  EXPECT_NE(end, std::string::npos) << "the page has no end";
  if (end == std::string::npos) return nullptr;
  std::string shown = absl::StrCat(page.substr(0, end), behind, page.substr(end + 7));
  const std::size_t head = shown.find("<head>");
  shown.insert(head == std::string::npos ? 0 : head + 6, kBeforePage);
  const std::string output = open(shown, window, "--dump-dom");
  const std::size_t place = output.find(kResult);
  EXPECT_NE(place, std::string::npos) << output;
  if (place == std::string::npos) return nullptr;
  const std::size_t from = place + std::string_view(kResult).size();
  json result =
      json::parse(decoded(std::string_view(output).substr(from, output.find('<', from) - from)));
  EXPECT_FALSE(result.contains("error")) << result["error"];
  return result;
}

std::string Browser::take_picture(const std::string& page, const std::string& name,
                                  const BrowserWindow& window) const {
  const char* kept = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  const std::string path = absl::StrCat(kept != nullptr ? kept : folder_, "/", name, ".png");
  open(page, window, "--screenshot=" + path);
  std::ifstream file(path, std::ios::binary);
  std::string picture{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_EQ(picture.substr(0, 4), "\x89PNG") << path;
  return picture;
}

}  // namespace accelerate
