#include "launcher/cli/checkpoint_command.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/checkpoints/checkpoint_folder.h"
#include "formats/checkpoints/commit.h"
#include "formats/checkpoints/verify.h"
#include "formats/safetensors/dtype.h"
#include "formats/safetensors/header.h"
#include "launcher/cli/box_table.h"
#include "launcher/cli/command.h"
#include "launcher/cli/fact.h"
#include "launcher/names/nearest_name.h"
#include "launcher/text/human_size.h"
#include "launcher/text/printable.h"

namespace accelerate::launcher {
namespace {

namespace fs = std::filesystem;

using checkpoints::CheckpointFile;
using checkpoints::Commit;
using checkpoints::FoundCheckpoint;

constexpr char kPathHelp[] = "A checkpoint, or the folder that a run saves its checkpoints in.";

std::string size_of(std::uint64_t bytes) { return human_size(static_cast<std::int64_t>(bytes)); }

std::string count_of(std::size_t count, const std::string& word) {
  return absl::StrCat(count, " ", word, count == 1 ? "" : "s");
}

// What a path leads to: itself, or what is in the folder.
absl::StatusOr<std::vector<FoundCheckpoint>> find_at(const std::string& path) {
  if (!checkpoints::is_checkpoint(path)) return checkpoints::find_checkpoints(path);
  const absl::StatusOr<FoundCheckpoint> found = checkpoints::find_checkpoint(path);
  if (!found.ok()) return found.status();
  return std::vector<FoundCheckpoint>{*found};
}

// ---- list

std::vector<std::string> list_row(const FoundCheckpoint& found) {
  const std::string name = fs::path(found.path).filename().string();
  std::vector<std::string> row = {plain(name.empty() ? found.path : name)};
  if (!found.commit.has_value()) {
    row.insert(row.end(), {found.is_unfinished ? "unfinished" : "damaged", "", "", "", "", ""});
    return row;
  }
  const Commit& commit = *found.commit;
  row.insert(row.end(),
             {"whole", absl::StrCat(commit.epoch), absl::StrCat(commit.step), commit.saved_at,
              absl::StrCat(commit.world_size), size_of(checkpoints::total_size(commit))});
  return row;
}

absl::Status list(const Arguments& arguments, const Console& console) {
  const std::string& path = arguments.positionals[0];
  const absl::StatusOr<std::vector<FoundCheckpoint>> found = find_at(path);
  if (!found.ok()) return found.status();
  if (found->empty()) {
    console.output << "There is no checkpoint in " << plain(path) << ".\n";
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows;
  for (const FoundCheckpoint& each : *found) rows.push_back(list_row(each));
  console.output << box_table(absl::StrCat("Checkpoints of `", plain(path), "`"),
                              {"name", "state", "epoch", "step", "saved at", "processes", "size"},
                              rows);
  for (const FoundCheckpoint& each : *found) {
    if (!each.fault.empty()) console.output << plain(each.fault) << "\n";
  }
  return absl::OkStatus();
}

int run_list(const std::vector<std::string>& words, const Console& console) {
  const CommandSyntax syntax = {
      .name = "checkpoint list",
      .description =
          "Lists the checkpoints in a folder, the newest last, and says what is wrong with "
          "incomplete ones. It checks the sizes of their files, but does not read them.",
      .positionals = {{.name = "PATH", .help = kPathHelp}}};
  return run_with_arguments(syntax, words, console, [&console](const Arguments& arguments) {
    return list(arguments, console);
  });
}

// ---- show

// The checkpoint at this path, or the newest one in the folder.
absl::StatusOr<FoundCheckpoint> whole_checkpoint(const std::string& path) {
  const absl::StatusOr<std::vector<FoundCheckpoint>> found = find_at(path);
  if (!found.ok()) return found.status();
  for (auto each = found->rbegin(); each != found->rend(); ++each) {
    if (each->commit.has_value()) return *each;
  }
  if (found->size() != 1) {
    return absl::NotFoundError(
        absl::StrCat(path, ": there is no whole checkpoint in this folder; name another one."));
  }
  const FoundCheckpoint& only = found->front();
  if (only.is_unfinished) return absl::FailedPreconditionError(only.fault);
  return absl::DataLossError(only.fault);
}

absl::Status show_tensors(const std::string& folder, const CheckpointFile& file,
                          const Console& console) {
  const absl::StatusOr<safetensors::Header> header =
      safetensors::read_header((fs::path(folder) / file.name).string());
  if (!header.ok()) return header.status();
  std::vector<std::vector<std::string>> rows;
  for (const safetensors::TensorEntry& tensor : header->tensors) {
    rows.push_back({plain(tensor.name), safetensors::dtype_name(tensor.dtype),
                    absl::StrCat("[", absl::StrJoin(tensor.shape, ", "), "]")});
  }
  console.output << box_table(absl::StrCat("Tensors of `", plain(file.name), "`"),
                              {"name", "dtype", "shape"}, rows);
  return absl::OkStatus();
}

absl::Status show(const Arguments& arguments, const Console& console) {
  const absl::StatusOr<FoundCheckpoint> found = whole_checkpoint(arguments.positionals[0]);
  if (!found.ok()) return found.status();
  const Commit& commit = *found->commit;
  console.output << to_bullets(
      {{"Checkpoint", found->path},
       {"Saved at", commit.saved_at},
       {"Epoch", absl::StrCat(commit.epoch)},
       {"Step", absl::StrCat(commit.step)},
       {"Processes", absl::StrCat(commit.world_size)},
       {"Strategy", commit.strategy},
       {"Precision", commit.precision},
       {"Version of the library", commit.version},
       {"Id", commit.id},
       {"Size", absl::StrCat(size_of(checkpoints::total_size(commit)), " in ",
                             count_of(commit.files.size(), "file"))}});
  std::vector<std::vector<std::string>> rows;
  for (const CheckpointFile& file : commit.files) {
    rows.push_back({plain(file.name), size_of(file.size)});
  }
  console.output << box_table("Files", {"name", "size"}, rows);
  absl::Status first_error;
  for (const CheckpointFile& file : commit.files) {
    if (!absl::EndsWith(file.name, ".safetensors")) continue;
    first_error.Update(show_tensors(found->path, file, console));
  }
  return first_error;
}

int run_show(const std::vector<std::string>& words, const Console& console) {
  const CommandSyntax syntax = {
      .name = "checkpoint show",
      .description =
          "Shows what a checkpoint holds: who saved it and when, its files, and the tensors in "
          "safetensors files. For a folder of checkpoints, shows the newest whole one.",
      .positionals = {{.name = "PATH", .help = kPathHelp}}};
  return run_with_arguments(syntax, words, console, [&console](const Arguments& arguments) {
    return show(arguments, console);
  });
}

// ---- verify

absl::Status verify(const Arguments& arguments, const Console& console) {
  const std::string& path = arguments.positionals[0];
  const absl::StatusOr<std::vector<FoundCheckpoint>> found = find_at(path);
  if (!found.ok()) return found.status();
  if (found->empty()) {
    return absl::NotFoundError(
        absl::StrCat(path, ": there is no checkpoint in this folder; name another one."));
  }
  std::size_t finished = 0, damaged = 0;
  for (const FoundCheckpoint& each : *found) {
    console.output << plain(each.path) << ": ";
    if (each.is_unfinished) {
      console.output << "unfinished" << std::endl;
      continue;
    }
    ++finished;
    std::string fault = each.fault;
    if (each.commit.has_value()) {
      fault = std::string(checkpoints::verify(each.path, *each.commit).message());
    }
    if (!fault.empty()) {
      ++damaged;
      console.output << "damaged: " << plain(fault) << std::endl;
      continue;
    }
    console.output << "whole, " << count_of(each.commit->files.size(), "file") << ", "
                   << size_of(checkpoints::total_size(*each.commit)) << std::endl;
  }
  if (damaged == 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(damaged, " of ", count_of(finished, "checkpoint"), damaged == 1 ? " is" : " are",
                   " damaged; continue from one that is whole, and copy or remove the others."));
}

int run_verify(const std::vector<std::string>& words, const Console& console) {
  const CommandSyntax syntax = {
      .name = "checkpoint verify",
      .description =
          "Reads every byte of a checkpoint, or of all checkpoints in a folder, and compares it "
          "with what was saved. Fails if one is damaged; unfinished ones are only mentioned.",
      .positionals = {{.name = "PATH", .help = kPathHelp}}};
  return run_with_arguments(syntax, words, console, [&console](const Arguments& arguments) {
    return verify(arguments, console);
  });
}

// ---- remove

absl::Status remove(const Arguments& arguments, const Console& console) {
  for (const std::string& path : arguments.positionals) {
    if (checkpoints::is_checkpoint(path)) continue;
    std::error_code error;
    const bool is_missing = fs::symlink_status(path, error).type() == fs::file_type::not_found;
    return absl::InvalidArgumentError(absl::StrCat(
        path, is_missing ? " is not there" : " is not a checkpoint",
        ", so nothing is removed; give the paths of checkpoints, such as run1/checkpoint_3."));
  }
  for (const std::string& path : arguments.positionals) {
    const absl::Status removed = checkpoints::remove_checkpoint(path);
    if (!removed.ok()) return removed;
    console.output << plain(path) << ": removed" << std::endl;
  }
  return absl::OkStatus();
}

int run_remove(const std::vector<std::string>& words, const Console& console) {
  const CommandSyntax syntax = {
      .name = "checkpoint remove",
      .description =
          "Removes checkpoints, whole or not, and no other folders. An interrupted removal leaves "
          "an unfinished checkpoint, which this command can remove as well.",
      .positionals = {
          {.name = "PATH", .help = "A checkpoint, such as run1/checkpoint_3.", .many = true}}};
  return run_with_arguments(syntax, words, console, [&console](const Arguments& arguments) {
    return remove(arguments, console);
  });
}

const std::vector<Subcommand>& nested_commands() {
  static const std::vector<Subcommand> table = {
      {"list", "List the checkpoints in a folder.", run_list},
      {"show", "Show what a checkpoint holds.", run_show},
      {"verify", "Read checkpoints, and compare them with what was saved.", run_verify},
      {"remove", "Remove checkpoints.", run_remove},
  };
  return table;
}

absl::Status say_what_is_missing() {
  std::vector<std::string> names;
  for (const Subcommand& command : nested_commands()) names.push_back(command.name);
  return absl::InvalidArgumentError(absl::StrCat("a command is missing; ", suggestion("", names)));
}

}  // namespace

int run_checkpoint(const std::vector<std::string>& words, const Console& console) {
  const CommandSyntax syntax = {
      .name = "checkpoint",
      .description = "Lists, shows, verifies and removes the checkpoints of training runs."};
  return run_with_subcommands(syntax, nested_commands(), words, console,
                              [](const Arguments&) { return say_what_is_missing(); });
}

}  // namespace accelerate::launcher
