// Builds a tree of ConfigNodes from what a parser finds, and enforces the limits. If a key occurs
// twice, the last value counts, as in Python.
//
// Example:
//   NodeBuilder builder("my.json");
//   builder.begin({.kind = ConfigNode::Kind::kMap, .line = 1});
//   builder.add({.kind = ConfigNode::Kind::kString, .text = "debug", .line = 1});  // The key.
//   builder.add({.kind = ConfigNode::Kind::kBoolean, .text = "true", .line = 1});
//   builder.end();
//   absl::StatusOr<ConfigNode> document = builder.take();
//
// Not for making a tree by hand: nodes are aggregates.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "launcher/config/config_node.h"

namespace accelerate::launcher {

// Once a call has returned false or null, the first problem is kept and nothing more is built.
class NodeBuilder {
 public:
  explicit NodeBuilder(std::string path) : path_(std::move(path)) {}

  // Adds a whole node; in a map, keys and their values alternate.
  bool add(ConfigNode node);

  // Begins a list or map, whose children are the nodes up to the matching call of end().
  bool begin(ConfigNode node);

  // Returns the list or map that ends; null after a problem. Valid until the next call.
  const ConfigNode* end();

  void fail(int line, const std::string& what);

  // Whether the document is complete.
  bool is_complete() const { return is_complete_; }

  // The document (a null node if nothing was added), or the first problem as an InvalidArgument.
  absl::StatusOr<ConfigNode> take();

 private:
  // A list or map that has not ended yet.
  struct Open {
    ConfigNode node;
    std::string key = "";  // The key of the next value.
    int replaced_line = 0;
    bool has_key = false;
  };

  bool set_key(Open& map, const ConfigNode& node);
  bool too_deep(const ConfigNode& node);  // Always false.

  std::string path_;
  absl::Status status_;
  std::vector<Open> open_;
  ConfigNode document_;
  bool is_complete_ = false;
  std::size_t num_nodes_ = 0;
  std::size_t num_bytes_ = 0;
};

}  // namespace accelerate::launcher
