#include "accelerate/data/token_file.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "accelerate/data/sequence_table.h"
#include "formats/tokens/find_token_files.h"
#include "formats/tokens/token_shard.h"

namespace accelerate {
namespace {

// What one thread is to read at least, where several could.
constexpr int64_t kTokensOfAThread = 16 * 1024;

void check_status(const absl::Status& status) {
  TORCH_CHECK(status.ok(), std::string(status.message()));
}

void check_token(const char* name, std::optional<int64_t> token, const TokenFileOptions& options) {
  if (!token) return;
  TORCH_CHECK(*token >= 0 && *token < options.vocabulary_size.value_or(*token + 1),
              "TokenFile: ", name, " is ", *token,
              ", which the vocabulary does not have; give one of its tokens");
}

void check_options(const TokenFileOptions& options) {
  TORCH_CHECK(options.sequence_length > 0, "TokenFile: sequence_length is ",
              options.sequence_length, "; give at least 1");
  TORCH_CHECK(options.stride.value_or(1) > 0, "TokenFile: stride is ", *options.stride,
              "; give at least 1, or leave it out");
  TORCH_CHECK(!options.random || !options.stride,
              "TokenFile: random sequences have no stride; leave it out, or take them in order");
  TORCH_CHECK(options.random || !options.samples,
              "TokenFile: samples is for random sequences; leave it out, or set random");
  TORCH_CHECK(options.samples.value_or(1) > 0, "TokenFile: samples is ", *options.samples,
              "; give at least 1, or leave it out");
  TORCH_CHECK(options.vocabulary_size.value_or(1) > 0, "TokenFile: vocabulary_size is ",
              *options.vocabulary_size, "; give the number of different tokens, or leave it out");
  TORCH_CHECK(!options.end_of_document || !options.start_of_document,
              "TokenFile: end_of_document and start_of_document are both given; give only the one "
              "that each document has");
  TORCH_CHECK(
      options.keep_documents_apart || (!options.end_of_document && !options.start_of_document),
      "TokenFile: a token that separates documents is given, but keep_documents_apart is not "
      "set; set it, or leave the token out");
  check_token("end_of_document", options.end_of_document, options);
  check_token("start_of_document", options.start_of_document, options);
  check_token("padding", options.padding, options);
}

std::vector<TokenShard> open_shards(const std::vector<std::string>& patterns,
                                    const TokenFileOptions& options) {
  const absl::StatusOr<std::vector<std::string>> paths = find_token_files(patterns);
  check_status(paths.status());
  TORCH_CHECK(!paths->empty(), "TokenFile: no file was named; give one, or a pattern");
  std::vector<TokenShard> shards;
  shards.reserve(paths->size());
  for (const std::string& path : *paths) {
    absl::StatusOr<TokenShard> shard =
        TokenShard::open(path, {.format = options.format, .type = options.token_type});
    check_status(shard.status());
    shards.push_back(*std::move(shard));
  }
  // One that lost its header or its index would be read as something else.
  const TokenShard& first = shards.front();
  for (const TokenShard& shard : shards) {
    TORCH_CHECK(shard.format() == first.format(), "TokenFile: ", shard.path(), " is ",
                token_format_name(shard.format()), " and ", first.path(), " is ",
                token_format_name(first.format()), "; give files of one format, or set format");
  }
  return shards;
}

bool has_mark(const TokenShard& shard, const DocumentMarks& marks) {
  int64_t token = 0;
  check_status(shard.read(marks.end ? shard.size() - 1 : 0, std::span(&token, 1),
                          std::numeric_limits<int64_t>::max()));
  return token == (marks.end ? marks.end : marks.start);
}

// The first tokens of each shard's documents.
std::vector<std::vector<int64_t>> find_documents(const std::vector<TokenShard>& shards,
                                                 const TokenFileOptions& options) {
  const DocumentMarks marks = {.end = options.end_of_document, .start = options.start_of_document};
  const bool is_marked = marks.end || marks.start;
  if (shards.front().format() == TokenFormat::kMegatron) {
    TORCH_CHECK(!is_marked, "TokenFile: the index of ", shards.front().path(),
                " tells where its documents end; leave out end_of_document and start_of_document");
  } else {
    TORCH_CHECK(
        is_marked, "TokenFile: keep_documents_apart is set, and ", shards.front().path(), " is ",
        token_format_name(shards.front().format()),
        ", which does not tell where documents end; give end_of_document or start_of_document");
  }
  std::vector<std::vector<int64_t>> begins;
  bool is_found = !is_marked;
  for (const TokenShard& shard : shards) {
    begins.push_back(shard.document_begins(marks));
    is_found = is_found || begins.back().size() > 1 || has_mark(shard, marks);
  }
  TORCH_CHECK(is_found, "TokenFile: the token ",
              is_marked ? *(marks.end ? marks.end : marks.start) : 0,
              ", which should separate documents, is not where one would end or begin in ",
              shards.front().path(), shards.size() > 1 ? " and the other files" : "",
              "; give the token that the files were written with");
  return begins;
}

}  // namespace

struct TokenFile::Contents {
  Contents(const std::vector<std::string>& patterns, const TokenFileOptions& options)
      : options(options),
        shards(open_shards(patterns, options)),
        table({.length = options.sequence_length,
               .step = options.random ? 1 : options.stride.value_or(options.sequence_length),
               .padded = options.padding.has_value()}) {
    SequenceTable beside_each_other({.length = options.sequence_length,
                                     .step = options.sequence_length,
                                     .padded = options.padding.has_value()});
    const auto add = [&](int64_t tokens) {
      table.add_stretch(tokens);
      if (options.random && !options.samples) beside_each_other.add_stretch(tokens);
    };
    std::vector<std::vector<int64_t>> documents(shards.size(), {0});
    if (options.keep_documents_apart) documents = find_documents(shards, options);
    int64_t longest = 0;
    for (size_t shard = 0; shard < shards.size(); ++shard) {
      shard_begins.push_back(table.num_tokens());
      std::vector<int64_t>& begins = documents[shard];
      begins.push_back(shards[shard].size());
      for (size_t i = 1; i < begins.size(); ++i) {
        add(begins[i] - begins[i - 1]);
        longest = std::max(longest, begins[i] - begins[i - 1]);
      }
      // Before the next one's are copied.
      begins = {};
    }
    TORCH_CHECK(table.size() > 0, "TokenFile: no sequence of ", options.sequence_length,
                " tokens, with the one that follows, fits into ", shards.front().path(),
                shards.size() > 1 ? " or the other files" : "", ", whose longest ",
                options.keep_documents_apart ? "document" : "file", " has ", longest,
                "; make sequence_length smaller",
                options.keep_documents_apart ? ", or give padding" : "");
    num_sequences =
        options.random ? options.samples.value_or(beside_each_other.size()) : table.size();
  }

  // Where a sequence lies, and how many tokens there are for it, with the last one's target.
  struct Place {
    const TokenShard& shard;
    int64_t first;
    int64_t count;
  };
  Place place(int64_t index, int64_t epoch) const {
    const auto [first, count] =
        table.at(options.random ? drawn_number(options.seed, epoch, index, table.size()) : index);
    const auto begin = std::upper_bound(shard_begins.begin(), shard_begins.end(), first) - 1;
    return {shards[begin - shard_begins.begin()], first - *begin, count};
  }

  // Reads a sequence into its rows.
  void read(const Place& place, int64_t* data, int64_t* target) const {
    const int64_t vocabulary =
        options.vocabulary_size.value_or(std::numeric_limits<int64_t>::max());
    // The last of them is a target only.
    const int64_t inputs = place.count - 1;
    check_status(place.shard.read(place.first, std::span(data, inputs), vocabulary));
    std::copy(data + 1, data + inputs, target);
    check_status(
        place.shard.read(place.first + inputs, std::span(target + inputs - 1, 1), vocabulary));
    if (inputs == options.sequence_length) return;
    std::fill(data + inputs, data + options.sequence_length, *options.padding);
    std::fill(target + inputs, target + options.sequence_length, kIgnoredTarget);
  }

  TokenFileOptions options;
  std::vector<TokenShard> shards;
  // The first token of each, of all.
  std::vector<int64_t> shard_begins;
  // With every place where a sequence could begin, where they are random.
  SequenceTable table;
  int64_t num_sequences = 0;
};

TokenFile::TokenFile(const std::vector<std::string>& patterns, const TokenFileOptions& options) {
  check_options(options);
  contents_ = std::make_shared<const Contents>(patterns, options);
}

torch::data::Example<> TokenFile::get_batch(at::ArrayRef<size_t> sequences) {
  const auto rows = static_cast<int64_t>(sequences.size());
  const int64_t length = contents_->options.sequence_length;
  for (const size_t sequence : sequences) {
    TORCH_CHECK(sequence < static_cast<size_t>(contents_->num_sequences), "TokenFile: sequence ",
                sequence, " was asked for, but there are ", contents_->num_sequences,
                "; ask for 0 to size() - 1");
  }
  at::Tensor data = at::empty({rows, length}, at::kLong);
  at::Tensor target = at::empty({rows, length}, at::kLong);
  auto* const to_data = data.mutable_data_ptr<int64_t>();
  auto* const to_target = target.mutable_data_ptr<int64_t>();
  std::vector<Contents::Place> places;
  places.reserve(sequences.size());
  for (const size_t sequence : sequences) {
    places.push_back(contents_->place(static_cast<int64_t>(sequence), epoch_));
  }
  const bool in_a_row =
      !contents_->options.random &&
      std::adjacent_find(sequences.begin(), sequences.end(), [](size_t one, size_t next) {
        return next != one + 1;
      }) == sequences.end();
  // All at once: a disk finds many places in the time of one.
  if (!in_a_row) {
    for (const Contents::Place& place : places) place.shard.load_ahead(place.first, place.count);
  }
  const int64_t rows_of_a_thread = std::max<int64_t>(1, kTokensOfAThread / length);
  at::parallel_for(0, rows, rows_of_a_thread, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      contents_->read(places[row], to_data + row * length, to_target + row * length);
    }
  });
  return {std::move(data), std::move(target)};
}

std::optional<size_t> TokenFile::size() const {
  return static_cast<size_t>(contents_->num_sequences);
}

int64_t TokenFile::num_tokens() const { return contents_->table.num_tokens(); }

std::vector<std::string> TokenFile::files() const {
  std::vector<std::string> paths;
  for (const TokenShard& shard : contents_->shards) paths.push_back(shard.path());
  return paths;
}

}  // namespace accelerate
