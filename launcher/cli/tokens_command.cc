#include "launcher/cli/tokens_command.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <optional>
#include <span>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "formats/tokens/token_type.h"
#include "formats/tokens/token_writer.h"
#include "launcher/cli/command.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/human_size.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

constexpr char kStandardInput[] = "-";
constexpr std::size_t kBytesAtOnce = 1 << 18;
constexpr double kValidationFraction = 0.1;

const CommandSyntax& syntax() {
  static const CommandSyntax syntax = {
      .name = "tokens",
      .description =
          "Turns text into a file of tokens to train on. Each byte becomes one of 256 different "
          "tokens, stored as uint16.",
      .positionals = {{.name = "FILE",
                       .help = "Text files, read one after the other; - is standard input.",
                       .many = true}},
      .flags = {
          {.name = "output", .value_name = "PATH", .help = "The file to write (required)."},
          {.name = "format",
           .value_name = "FORMAT",
           .help =
               "raw: only tokens, as in nanoGPT; llm.c: tokens after a header, as in llm.c (raw)."},
          {.name = "validation_output",
           .value_name = "PATH",
           .help = "A second file, which gets the last tokens instead of the first file (none)."},
          {.name = "validation_fraction",
           .value_name = "SHARE",
           .help = "Share of all tokens that the second file gets (0.1)."}}};
  return syntax;
}

struct TokensRequest {
  std::vector<std::string> inputs;
  std::string output;
  TokenFormat format = TokenFormat::kRaw;
  std::optional<std::string> validation_output;
  double validation_fraction = kValidationFraction;
};

absl::StatusOr<TokenFormat> parse_format(const std::string& name) {
  const std::vector<TokenFormat> formats = {TokenFormat::kRaw, TokenFormat::kLlmC};
  std::vector<std::string> names;
  for (const TokenFormat format : formats) {
    names.push_back(token_format_name(format));
    if (name == names.back()) return format;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--format: \"", name, "\" is not a format; ", suggestion(name, names)));
}

// Whether it is one file by both names, also where it is not there yet.
bool is_one_file(const std::string& one, const std::string& other) {
  std::error_code error;
  if (std::filesystem::equivalent(one, other, error)) return true;
  const std::filesystem::path place = std::filesystem::weakly_canonical(one, error);
  return !error && place == std::filesystem::weakly_canonical(other, error);
}

absl::StatusOr<TokensRequest> parse_request(const Arguments& arguments) {
  TokensRequest request;
  request.inputs = arguments.positionals;
  request.validation_output = arguments.value("validation_output");
  const std::optional<std::string> output = arguments.value("output");
  if (!output.has_value()) {
    return absl::InvalidArgumentError(
        "--output is missing; add --output=PATH, the file to write, such as --output=train.bin.");
  }
  request.output = *output;
  const absl::StatusOr<TokenFormat> format =
      parse_format(arguments.value("format").value_or(token_format_name(TokenFormat::kRaw)));
  if (!format.ok()) return format.status();
  request.format = *format;
  if (const std::optional<std::string> share = arguments.value("validation_fraction")) {
    if (!request.validation_output.has_value()) {
      return absl::InvalidArgumentError(
          "--validation_fraction needs a file for these tokens; add --validation_output=PATH.");
    }
    double& fraction = request.validation_fraction;
    if (!absl::SimpleAtod(*share, &fraction) || !(fraction > 0 && fraction < 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--validation_fraction: \"", *share,
                       "\" is not a number between 0 and 1; give one, such as 0.1."));
    }
  }
  std::vector<std::string> outputs = {request.output};
  if (request.validation_output.has_value()) {
    outputs.push_back(*request.validation_output);
    if (is_one_file(outputs[0], outputs[1])) {
      return absl::InvalidArgumentError(absl::StrCat("--output and --validation_output are both ",
                                                     outputs[0], "; name two files."));
    }
  }
  for (const std::string& input : request.inputs) {
    const bool is_output =
        std::any_of(outputs.begin(), outputs.end(), [&input](const std::string& output) {
          return input != kStandardInput && is_one_file(input, output);
        });
    if (is_output) {
      return absl::InvalidArgumentError(absl::StrCat(
          input, " would be both read and written; name another file for the tokens."));
    }
  }
  return request;
}

absl::Status append_bytes(std::istream& stream, const std::string& name, TokenWriter& writer) {
  std::string bytes(kBytesAtOnce, '\0');
  std::vector<std::uint16_t> tokens(kBytesAtOnce);
  while (stream) {
    errno = 0;
    stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto count = static_cast<std::size_t>(stream.gcount());
    std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count),
                   tokens.begin(), [](char byte) { return static_cast<unsigned char>(byte); });
    const absl::Status status = writer.append(std::span(tokens.data(), count));
    if (!status.ok()) return status;
  }
  if (!stream.bad()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      name, " cannot be read", errno == 0 ? "" : absl::StrCat(": ", std::strerror(errno)),
      "; give the path of a text."));
}

absl::Status append_file(const std::string& path, const Console& console, TokenWriter& writer) {
  if (path == kStandardInput) return append_bytes(console.input, "the standard input", writer);
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) {
    return absl::NotFoundError(absl::StrCat(path, " cannot be read: ", std::strerror(errno),
                                            "; correct the path, or its permissions."));
  }
  return append_bytes(file, path, writer);
}

void report(const std::string& path, const TokenWriter& writer, const Console& console) {
  console.output << plain(path) << ": " << writer.num_tokens() << " tokens, "
                 << human_size(static_cast<std::int64_t>(writer.num_bytes())) << "\n";
}

absl::Status finish(TokenWriter& writer, const std::string& path, const Console& console) {
  const absl::Status status = writer.finish();
  if (status.ok()) report(path, writer, console);
  return status;
}

absl::Status write_tokens(const TokensRequest& request, const Console& console) {
  absl::StatusOr<TokenWriter> writer = TokenWriter::create(request.output, request.format);
  if (!writer.ok()) return writer.status();
  for (const std::string& input : request.inputs) {
    const absl::Status status = append_file(input, console, *writer);
    if (!status.ok()) return status;
  }
  const std::uint64_t all = writer->num_tokens();
  if (all == 0) {
    return absl::InvalidArgumentError(
        "there is no text; nothing was written. Give a file that has some.");
  }
  if (!request.validation_output.has_value()) return finish(*writer, request.output, console);

  const auto share =
      static_cast<std::uint64_t>(static_cast<double>(all) * request.validation_fraction);
  if (share == 0 || share == all) {
    return absl::InvalidArgumentError(
        absl::StrCat("of ", all, " tokens, a share of ", request.validation_fraction,
                     " leaves one of the two files empty; nothing was written. Give another "
                     "--validation_fraction, or more text."));
  }
  absl::StatusOr<TokenWriter> validation =
      TokenWriter::create(*request.validation_output, request.format);
  if (!validation.ok()) return validation.status();
  const absl::Status moved = writer->move_last(share, *validation);
  if (!moved.ok()) return moved;
  const absl::Status status = finish(*writer, request.output, console);
  return status.ok() ? finish(*validation, *request.validation_output, console) : status;
}

}  // namespace

int run_tokens(const std::vector<std::string>& words, const Console& console) {
  return run_with_arguments(syntax(), words, console, [&console](const Arguments& arguments) {
    const absl::StatusOr<TokensRequest> request = parse_request(arguments);
    return request.ok() ? write_tokens(*request, console) : request.status();
  });
}

}  // namespace accelerate::launcher
