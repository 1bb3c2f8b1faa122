// Part of commit.h; not for others. Reads a commit file from its JSON, member by member.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "formats/checkpoints/commit.h"
#include "formats/safetensors/json_events.h"

namespace accelerate::checkpoints {

inline constexpr char kCommitFormat[] = "accelerate-cpp checkpoint";
inline constexpr std::uint64_t kCommitVersion = 1;

class CommitEvents : public safetensors::JsonEvents {
 public:
  // The commit. Call it after a text was read without a problem.
  Commit take() && { return std::move(commit_); }

 protected:
  bool on_key(std::string& key) override;
  bool on_number(std::uint64_t number) override;
  bool on_string(std::string& text) override;
  bool on_start_object() override;
  bool on_end_object() override;
  bool on_start_array() override;
  bool on_end_array() override;
  bool on_other(const std::string& value) override;

 private:
  // The innermost part of the text that has begun and not ended.
  enum class Place { kBefore, kCommit, kFiles, kFile, kExtents, kExtent, kAfter };

  struct Member {
    Place place;
    const char* name;
    const char* expected;  // With an article.
  };

  static const Member kMembers[];

  // Null if this version of the format has no such member.
  static const Member* find_member(Place place, const std::string& name);
  // The known members that were read so far in the current object.
  std::set<std::string>& seen();
  bool has_all_members();
  bool end_file();
  bool refuse_extents(std::uint64_t at);
  template <class Number>
  bool take_number(std::uint64_t number, std::uint64_t least, std::uint64_t most, Number& to);
  // Where the reader is, to be put before the description of a problem.
  std::string where() const;

  Commit commit_;
  CheckpointFile file_;
  Extent extent_;
  Place place_ = Place::kBefore;
  std::string key_;
  std::set<std::string> seen_in_commit_, seen_in_file_, seen_in_extent_;
  std::set<std::string> file_names_;
  std::uint64_t size_of_all_ = 0;
};

}  // namespace accelerate::checkpoints
